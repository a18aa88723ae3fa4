// Lines of 1.5 px on a 16 px grid. Decoration only: words stand beside them or in the label.

const PATHS = {
  issues: "M8 2.2 14.4 13.2H1.6zM8 6.4v3.4M8 11.5v.1",
  traces: "M2 3.5h8M4 8h7M7 12.5h7",
  releases: "M8.6 1.8h5.6v5.6l-6.6 6.6-5.6-5.6zM11.2 4.8v.1",
  logs: "M2 3.5h2M6.5 3.5H14M2 8h2M6.5 8H12M2 12.5h2M6.5 12.5H14",
  metrics: "M2 13.5h12M2.5 10.5 6 6.5l3 2.5 4.5-6",
  performance: "M2.2 12.4a6.3 6.3 0 1 1 11.6 0M8 10.6l3-4.4M8 10.6v.1",
  feedback: "M2 3h12v8H7.5L4.5 13.8V11H2zM5 6h6M5 8.3h4",
  monitors: "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8M8 4.6V8l2.4 1.6",
  ingest: "M8 2v7.5M4.8 6.5 8 9.7l3.2-3.2M2.2 10.5v3h11.6v-3",
  storage: "M2.5 4.2c0-2.6 11-2.6 11 0s-11 2.6-11 0M2.5 4.2v7.6c0 2.6 11 2.6 11 0V4.2M2.5 8c0 2.6 11 2.6 11 0",
  settings: "M2 4.5h7M12.5 4.5H14M2 11.5h1.5M7 11.5h7M9 4.5a1.75 1.75 0 1 0 3.5 0 1.75 1.75 0 1 0-3.5 0M3.5 11.5a1.75 1.75 0 1 0 3.5 0 1.75 1.75 0 1 0-3.5 0",
  more: "M3.5 8h.1M8 8h.1M12.4 8h.1",
  setup: "M2.2 3h11.6v10H2.2zM4.8 6.2 6.6 8l-1.8 1.8M8.4 10h2.8",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6M8 1.4v1.4M8 13.2v1.4M1.4 8h1.4M13.2 8h1.4M3.3 3.3l1 1M11.7 11.7l1 1M3.3 12.7l1-1M11.7 4.3l1-1",
  moon: "M13.4 9.6A5.8 5.8 0 0 1 6.4 2.6a5.8 5.8 0 1 0 7 7z",
  system: "M2 3h12v8H2zM5.5 13.5h5M8 11v2.5",
  keyboard: "M1.5 4h13v8.5h-13zM4 6.7h.1M6.6 6.7h.1M9.3 6.7h.1M12 6.7h.1M4.5 9.8h7",
  chevron: "M6 3.5 10.5 8 6 12.5",
  down: "M3.5 6 8 10.5 12.5 6",
  first: "M11.5 3.5 7 8l4.5 4.5M4.5 3.5v9",
  last: "M4.5 3.5 9 8l-4.5 4.5M11.5 3.5v9",
  left: "M10 3.5 5.5 8l4.5 4.5",
  right: "M6 3.5 10.5 8 6 12.5",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  link: "M6.5 9.5a2.6 2.6 0 0 0 3.7 0l2.6-2.6a2.6 2.6 0 0 0-3.7-3.7l-1 1M9.5 6.5a2.6 2.6 0 0 0-3.7 0L3.2 9.1a2.6 2.6 0 0 0 3.7 3.7l1-1",
  check: "M3 8.5 6.5 12 13 4.5",
  editor: "M9.8 2.8 13.2 6.2 6 13.4l-3.9.5.5-3.9zM8.3 4.3l3.4 3.4",
  pause: "M5.5 3v10M10.5 3v10",
  play: "M4.5 3v10l8-5z",
  close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M10.3 10.3l3.4 3.4",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  profile: "M2.5 13.5h11M3.5 13.5V8h3v5.5M6.5 13.5V3h3v10.5M9.5 13.5V6h3v7.5",
  replay: "M2 3h12v8.5H2zM6.7 5.4v3.7l3-1.85zM5 14h6",
  bookmark: "M4 2.2h8v11.6l-4-3-4 3z",
  comment: "M2 3h12v8H7.5L4.5 13.8V11H2z",
  person: "M8 2.2a2.9 2.9 0 1 0 0 5.8 2.9 2.9 0 0 0 0-5.8M2.6 13.8c.4-3 2.6-4.2 5.4-4.2s5 1.2 5.4 4.2",
  back: "M6.5 3 2.5 7l4 4M2.5 7h7a4 4 0 0 1 0 8H7",
  whole: "M2 5.5V2.5h3M11 2.5h3v3M14 10.5v3h-3M5 13.5H2v-3",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

export function Logo() {
  return (
    <svg class="logo" width="20" height="20" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d="M1.5 5h17M6 5v5.4M14 5v2.6" />
      <circle cx="6" cy="13.4" r="3" />
      <circle class="small" cx="14" cy="9.6" r="2" />
    </svg>
  );
}
