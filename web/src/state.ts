// What the whole app shares: the boot answer, the corrected clock, the theme, what is spoken to screen readers.

import { effect, signal } from "@preact/signals";
import { type ApiError, load, takeGiven } from "./api/client";
import type { BootView } from "./api/types";
import { composeDsn } from "./lib/urls";

export const boot = signal<BootView | null>(null);
export const bootError = signal<ApiError | null>(null);
let clockOffsetMs = 0;

function takeBoot(view: BootView): void {
  clockOffsetMs = view.now_ms - Date.now();
  boot.value = view;
  bootError.value = null;
  now.value = serverNow();
}

/** As it came with the page, or from the server. */
export function startBoot(): void {
  const view = takeGiven<BootView>("/api/ui/boot");
  if (view) takeBoot(view);
  else void refreshBoot();
}

export async function refreshBoot(): Promise<void> {
  try {
    takeBoot(await load<BootView>("/api/ui/boot"));
  } catch (error) {
    bootError.value = error as ApiError;
  }
}

/** The DSN of the first project, as the browser reaches this server, for snippets to paste. */
export function ownDsn(): string {
  const project = boot.value?.projects[0];
  return project ? composeDsn(location, project.public_key, project.id) : "your DSN";
}

export function serverNow(): number {
  return Date.now() + clockOffsetMs;
}

/** Ticks every few seconds, so that "12 s ago" stays true. */
export const now = signal(Date.now());
const TICK_MS = 5000;
export function startClock(): void {
  setInterval(() => {
    if (!document.hidden) now.value = serverNow();
  }, TICK_MS);
}

export type Theme = "system" | "light" | "dark";
function storedTheme(): Theme {
  const chosen = document.documentElement.dataset.theme;
  return chosen === "light" || chosen === "dark" ? chosen : "system";
}
export const theme = signal<Theme>(storedTheme());
/** What is drawn, with the system's wish resolved: canvases redraw on it. */
const systemDark = matchMedia("(prefers-color-scheme: dark)");
export const isDark = signal(systemDark.matches);

effect(() => {
  const chosen = theme.value;
  if (chosen === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  isDark.value = chosen === "system" ? systemDark.matches : chosen === "dark";
  try {
    if (chosen === "system") localStorage.removeItem("trapline.theme");
    else localStorage.setItem("trapline.theme", chosen);
  } catch {
    // Without storage the choice lasts until the page is closed.
  }
});
systemDark.addEventListener("change", () => {
  if (theme.value === "system") isDark.value = systemDark.matches;
});

/** From the system's to the other one, so that the first step is seen; then to the one that looks as the system's, which can be chosen too. */
export function nextTheme(): void {
  const [same, other] = systemDark.matches ? (["dark", "light"] as const) : (["light", "dark"] as const);
  theme.value = theme.value === "system" ? other : theme.value === other ? same : "system";
  say(`Theme: ${theme.value}`);
}

export const DENSITIES = ["compact", "normal", "comfortable"] as const;
export type Density = (typeof DENSITIES)[number];
/** What a row gains or loses, in pixels: `--extra` of the style sheets, and this where heights are reckoned in scripts. */
export const ROW_EXTRA: Record<Density, number> = { compact: -4, normal: 0, comfortable: 6 };
export const density = signal<Density>(DENSITIES.find((one) => one === document.documentElement.dataset.density) ?? "normal");
effect(() => {
  const chosen = density.value;
  if (chosen === "normal") delete document.documentElement.dataset.density;
  else document.documentElement.dataset.density = chosen;
  rememberChoice("density", chosen);
});

/** One polite live region for the whole app; at most one announcement per ten seconds from live data. */
export const spoken = signal("");
export function say(text: string): void {
  spoken.value = text;
}
const LIVE_SPEECH_MS = 10_000;
let lastLiveSpeech = 0;
export function sayLive(text: string): void {
  if (Date.now() - lastLiveSpeech < LIVE_SPEECH_MS) return;
  lastLiveSpeech = Date.now();
  say(text);
}

/** Small choices that outlive a visit. */
export function remembered(key: string, fallback: string): string {
  try {
    return localStorage.getItem(`trapline.${key}`) ?? fallback;
  } catch {
    return fallback;
  }
}
export function rememberChoice(key: string, value: string): void {
  try {
    localStorage.setItem(`trapline.${key}`, value);
  } catch {
    // Not kept, and that is fine.
  }
}
