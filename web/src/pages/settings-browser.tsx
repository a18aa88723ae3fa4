// What is set for this browser alone, saved as it is chosen: how things look, the keys, the editor, who one is.

import { useEffect, useState } from "preact/hooks";
import type { PageProps } from "../app";
import { EditorSection } from "../components/editor-settings";
import { SettingsNav } from "../components/settings-nav";
import { Section, Switch } from "../components/settings-parts";
import { ShortcutSection } from "../components/shortcut-settings";
import { PageTitle } from "../components/shell";
import { cleanName, NAME_MAX, setWho, who } from "../lib/who";
import { type Density, density, rememberChoice, remembered, say, type Theme, theme } from "../state";
import "../styles/settings.css";

const SECTIONS = [
  ["appearance", "Appearance"],
  ["shortcuts", "Keyboard"],
  ["editor", "Editor and paths"],
  ["you", "You"],
] as const;

export function SettingsBrowserPage(_: PageProps) {
  useEffect(() => {
    if (location.hash.length > 1) document.getElementById(location.hash.slice(1))?.scrollIntoView({ block: "start" });
  }, []);
  return (
    <div class="page settings">
      <header class="page-head">
        <PageTitle title="This browser" />
        <p class="head-count">Kept here and sent nowhere; saved as you choose.</p>
      </header>
      <SettingsNav />
      <div class="settings-body">
        <nav class="settings-nav" aria-label="Sections">
          <ul>
            {SECTIONS.map(([id, title]) => (
              <li key={id}>
                <a href={`#${id}`}>{title}</a>
              </li>
            ))}
          </ul>
        </nav>
        <div class="settings-sections">
          <AppearanceSection />
          <ShortcutSection />
          <EditorSection />
          <YouSection />
        </div>
      </div>
    </div>
  );
}

function AppearanceSection() {
  const [isNewestFirst, setNewestFirst] = useState(remembered("order", "python") === "newest");
  const [showVars, setShowVars] = useState(remembered("vars", "on") === "on");
  return (
    <Section id="appearance" title="Appearance">
      <Choices<Theme>
        name="Theme"
        value={theme.value}
        options={[
          ["system", "As the system", "light by day, dark by night, if yours does so"],
          ["light", "Light", ""],
          ["dark", "Dark", ""],
        ]}
        onChange={(value) => (theme.value = value)}
      />
      <Choices<Density>
        name="Density"
        value={density.value}
        options={[
          ["compact", "Compact", "more rows on a screen"],
          ["normal", "Normal", ""],
          ["comfortable", "Comfortable", "more room to point at"],
        ]}
        onChange={(value) => (density.value = value)}
      />
      <Choices
        name="Order of frames"
        value={isNewestFirst ? "newest" : "python"}
        options={[
          ["python", "As Python prints them", "what was called last stands at the end"],
          ["newest", "Newest first", "what was called last stands at the top"],
        ]}
        onChange={(value) => {
          setNewestFirst(value === "newest");
          rememberChoice("order", value);
        }}
      />
      <Switch
        isOn={showVars}
        label="Local variables under the code"
        text="Of every frame that is open; the key v turns them on and off, too."
        onChange={(isOn) => {
          setShowVars(isOn);
          rememberChoice("vars", isOn ? "on" : "off");
        }}
      />
    </Section>
  );
}

function Choices<T extends string>({ name, value, options, onChange }: { name: string; value: T; options: readonly (readonly [T, string, string])[]; onChange: (value: T) => void }) {
  return (
    <fieldset class="set-choices">
      <legend>{name}</legend>
      {options.map(([option, words, note]) => (
        <label key={option}>
          <input type="radio" name={name} checked={value === option} onChange={() => onChange(option)} />
          <span>
            {words}
            {note !== "" && <small>{note}</small>}
          </span>
        </label>
      ))}
    </fieldset>
  );
}

/** There are no accounts: a name is what others see beside what one did. */
function YouSection() {
  const [name, setName] = useState(who.value);
  const save = () => {
    if (cleanName(name) !== who.value) {
      setWho(name);
      say(who.value === "" ? "Name removed" : "Name saved");
    }
    setName(who.value);
  };
  return (
    <Section id="you" title="You" note="Stands beside what you resolve, ignore and write, and is what “assigned to me” means. Anybody may call themselves anything: this server has no accounts yet.">
      <div class="set-field">
        <label>
          <span>Your name</span>
          <input class="set-input you" value={name} maxLength={NAME_MAX} autocomplete="name" placeholder="Ada" onInput={(event) => setName(event.currentTarget.value)} onBlur={save} onKeyDown={(event) => event.key === "Enter" && save()} />
        </label>
      </div>
    </Section>
  );
}
