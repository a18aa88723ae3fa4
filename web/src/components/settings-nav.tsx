// The parts of the settings, as links: what belongs to this browser, to the projects, to the server.

import { place } from "../router";

const PARTS = [
  ["/settings", "Projects"],
  ["/settings/browser", "This browser"],
  ["/storage", "Retention and disk"],
  ["/settings/about", "About"],
  ["/welcome", "Setup"],
] as const;

export function SettingsNav() {
  const { path } = place.value;
  const isHere = (part: string) => (part === "/settings" ? path === part || path.startsWith("/settings/projects/") : path === part);
  return (
    <nav class="tabs settings-parts" aria-label="Settings">
      {PARTS.map(([part, name]) => (
        <a key={part} href={part} aria-current={isHere(part) ? "page" : undefined}>
          {name}
        </a>
      ))}
    </nav>
  );
}
