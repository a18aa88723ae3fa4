// The frame of every page: where one can go, whether the data is live, the theme, the keys.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { signal } from "@preact/signals";
import { liveState, lostAtMs } from "../api/live";
import { KEYS, keysOf, keysOn, setKeysOn, useKeys, activeScopes, type Scope } from "../keys";
import { clockShort } from "../lib/format";
import { visibleText } from "../lib/plain-text";
import { isPaused, togglePause } from "../paused";
import { visited } from "../recent";
import { navigate, place, visits } from "../router";
import { boot, isDark, nextTheme, spoken, theme } from "../state";
import { Icon, type IconName, Logo } from "./icons";
import { KeyHint } from "./key-hint";
import { lazy } from "./lazy";
import { Toasts } from "./toast";
import { Uncopied } from "./uncopied";

const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

/** In the order of the rail; what is about this server rather than about data stands apart, below. */
const DESTINATIONS: readonly { path: string; name: string; icon: IconName; isServer?: boolean }[] = [
  { path: "/issues", name: "Issues", icon: "issues" },
  { path: "/traces", name: "Traces", icon: "traces" },
  { path: "/performance", name: "Performance", icon: "performance" },
  { path: "/logs", name: "Logs", icon: "logs" },
  { path: "/metrics", name: "Metrics", icon: "metrics" },
  { path: "/monitors", name: "Monitors", icon: "monitors" },
  { path: "/releases", name: "Releases", icon: "releases" },
  { path: "/feedback", name: "Feedback", icon: "feedback" },
  { path: "/ingest", name: "Ingest", icon: "ingest", isServer: true },
  { path: "/storage", name: "Storage", icon: "storage", isServer: true },
  { path: "/settings", name: "Settings", icon: "settings", isServer: true },
  { path: "/welcome", name: "Setup", icon: "setup", isServer: true },
];
/** A phone's bar holds five: all of them, or four and the rest behind "More". */
const BAR_MAX = 5;
const BAR_COUNT = DESTINATIONS.length > BAR_MAX ? BAR_MAX - 1 : BAR_MAX;

const isHelpOpen = signal(false);
const isPaletteOpen = signal(false);
const fetchPalette = () => import("./palette").then((module) => module.Palette);
const Palette = lazy("Palette", fetchPalette, "offscreen");

export function Shell({ children }: { children: ComponentChildren }) {
  useKeys("global", {
    palette: () => (isPaletteOpen.value = !isPaletteOpen.value),
    pause: togglePause,
    help: () => (isHelpOpen.value = true),
    goIssues: () => navigate("/issues"),
    goTraces: () => navigate("/traces"),
    goPerformance: () => navigate("/performance"),
    goReleases: () => navigate("/releases"),
    goLogs: () => navigate("/logs"),
    goMetrics: () => navigate("/metrics"),
    goFeedback: () => navigate("/feedback"),
    goMonitors: () => navigate("/monitors"),
    goIngest: () => navigate("/ingest"),
    goStorage: () => navigate("/storage"),
    goSettings: () => navigate("/settings"),
    goSetup: () => navigate("/welcome"),
    theme: nextTheme,
  });
  const here = place.value.path;
  useEffect(() => {
    // Its code comes while the finger goes from Ctrl to K.
    const onModifier = (event: KeyboardEvent) => (event.key === "Control" || event.key === "Meta") && void fetchPalette();
    document.addEventListener("keydown", onModifier, { once: true });
    return () => document.removeEventListener("keydown", onModifier);
  }, []);
  return (
    <div class="shell">
      <a class="skip" href="#main" onClick={skipToMain}>
        Skip to content
      </a>
      <header class="rail">
        <a class="brand" href="/" aria-label="trapline, start page">
          <Logo />
          <span class="wide-only">trapline</span>
        </a>
        <nav aria-label="Main">
          <Destinations here={here} />
        </nav>
        <div class="rail-foot">
          <LiveButton />
          <button type="button" class="nav-item palette-button" onClick={() => (isPaletteOpen.value = true)} onPointerDown={() => void fetchPalette()}>
            <Icon name="search" />
            <span>Go to…</span>
            <kbd class="wide-only" aria-hidden="true">
              {isMac ? "⌘K" : "Ctrl K"}
            </kbd>
          </button>
          <button type="button" class="nav-item" onClick={nextTheme}>
            <Icon name={theme.value === "system" ? "system" : isDark.value ? "moon" : "sun"} />
            <span>{theme.value === "system" ? "System theme" : theme.value === "dark" ? "Dark theme" : "Light theme"}</span>
          </button>
          <button type="button" class="nav-item keys-button" onClick={() => (isHelpOpen.value = true)}>
            <Icon name="keyboard" />
            <span>Keys</span>
            <KeyHint scope="global" id="help" class="wide-only" isUnsaid />
          </button>
          {boot.value && <p class="version wide-only">{`trapline ${boot.value.version}`}</p>}
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        {liveState.value === "lost" && (
          <p class="stale" role="status">
            {`Reconnecting… ${lostAtMs.value ? `data as of ${clockShort(lostAtMs.value)}` : "live updates are off until then"}`}
          </p>
        )}
        {children}
      </main>
      <p class="offscreen" role="status" aria-live="polite">
        {spoken.value}
      </p>
      <Toasts />
      <Help />
      {isPaletteOpen.value && <Palette screens={DESTINATIONS} onClose={() => (isPaletteOpen.value = false)} />}
      <Uncopied />
    </div>
  );
}

function Destinations({ here }: { here: string }) {
  const [isOpen, setOpen] = useState(false);
  const nav = useRef<HTMLUListElement>(null);
  useEffect(() => setOpen(false), [here]);
  useEffect(() => {
    if (!isOpen) return undefined;
    const outside = (event: Event) => {
      if (!nav.current?.contains(event.target as Node)) setOpen(false);
    };
    const escape = (event: KeyboardEvent) => {
      if (event.key !== "Escape") return;
      setOpen(false);
      nav.current?.querySelector<HTMLElement>(".more-button")?.focus();
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("keydown", escape);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("keydown", escape);
    };
  }, [isOpen]);
  const isHere = (path: string) => here === path || here.startsWith(`${path}/`);
  const link = ({ path, name, icon, isServer }: (typeof DESTINATIONS)[number], index: number) => (
    <li key={path} class={isServer && !DESTINATIONS[index - 1]?.isServer ? "apart" : undefined}>
      <a href={path} class="nav-item" aria-current={isHere(path) ? "page" : undefined} onClick={() => setOpen(false)}>
        <Icon name={icon} />
        <span>{name}</span>
      </a>
    </li>
  );
  const rest = DESTINATIONS.slice(BAR_COUNT);
  return (
    <ul ref={nav} class={isOpen ? "destinations is-open" : "destinations"}>
      {DESTINATIONS.slice(0, BAR_COUNT).map(link)}
      {rest.length > 0 && (
        <>
          <li class="more">
            <button type="button" class="nav-item more-button" aria-expanded={isOpen} aria-controls="more-destinations" data-here={rest.some(({ path }) => isHere(path)) || undefined} onClick={() => setOpen(!isOpen)}>
              <Icon name="more" />
              <span>More</span>
            </button>
          </li>
          <li class="rest">
            <ul id="more-destinations">{rest.map((destination, index) => link(destination, index + BAR_COUNT))}</ul>
          </li>
        </>
      )}
    </ul>
  );
}

function skipToMain(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

/** Whether what is on screen changes by itself, and the way to stop that. */
function LiveButton() {
  const state = liveState.value;
  const isHeld = isPaused.value;
  const words = isHeld ? "Paused" : state === "open" ? "Live" : state === "lost" ? "Reconnecting" : "Connecting";
  const title = isHeld ? "This screen shows what it last read: go on" : state === "open" ? "New data appears by itself: pause it on this screen" : "Not connected: pages show what they last read";
  return (
    <button type="button" class={`nav-item live live-${isHeld ? "paused" : state}`} aria-pressed={isHeld} aria-label={isHeld ? "Live updates are paused on this screen" : `${words}: pause live updates on this screen`} title={title} onClick={togglePause}>
      {isHeld ? <Icon name="pause" /> : <span class="dot" aria-hidden="true" />}
      <span class="live-words">{words}</span>
    </button>
  );
}

function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  const isOpen = isHelpOpen.value;
  useEffect(() => {
    if (isOpen && !dialog.current?.open) dialog.current?.showModal();
    if (!isOpen && dialog.current?.open) dialog.current.close();
  }, [isOpen]);
  const scopes = isOpen ? (Object.keys(KEYS) as Scope[]).toSorted((a, b) => Number(activeScopes().has(b)) - Number(activeScopes().has(a))) : [];
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title" onClose={() => (isHelpOpen.value = false)} onClick={(event) => event.target === dialog.current && (isHelpOpen.value = false)}>
      {isOpen && (
        <div class="help-body">
          <div class="row-between">
            <h2 id="help-title">Keyboard</h2>
            <button type="button" class="icon-button" aria-label="Close" onClick={() => (isHelpOpen.value = false)}>
              <Icon name="close" />
            </button>
          </div>
          <div class="help-grid">
            {scopes.map((scope) => (
              <section key={scope}>
                <h3>{KEYS[scope].title}</h3>
                <dl>
                  {Object.entries<readonly [string, string]>(KEYS[scope].keys).map(([id, [, words]]) => (
                    <div key={id}>
                      <dt>
                        {keysOf(scope, id).split(" ").map((key, i) => (
                          <kbd key={i}>{key === "Escape" ? "Esc" : key}</kbd>
                        ))}
                      </dt>
                      <dd>{words}</dd>
                    </div>
                  ))}
                </dl>
              </section>
            ))}
          </div>
          <div class="row-between">
            <label class="check">
              <input type="checkbox" checked={keysOn.value} onChange={(event) => setKeysOn(event.currentTarget.checked)} />
              Single-key shortcuts
            </label>
            <a href="/settings/browser#shortcuts" onClick={() => (isHelpOpen.value = false)}>
              Change the keys
            </a>
          </div>
        </div>
      )}
    </dialog>
  );
}

/** The one h1 of a page: takes the focus when another page is shown, and names the tab. */
export function PageTitle({ title, children, class: className }: { title: string; children?: ComponentChildren; class?: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (visits.value > 0) heading.current?.focus({ preventScroll: true });
  }, []);
  useEffect(() => {
    document.title = `${visibleText(title)} · trapline`;
    visited(place.value.path, title);
  }, [title]);
  return (
    <h1 ref={heading} tabIndex={-1} class={className}>
      {children ?? title}
    </h1>
  );
}
