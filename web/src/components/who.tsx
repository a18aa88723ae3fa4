// Asks for the name people act under, where it is first needed.

import { useState } from "preact/hooks";
import { cleanName, NAME_MAX, setWho } from "../lib/who";

/** `onName` comes after the name is kept. */
export function WhoField({ why, button, onName }: { why: string; button: string; onName: (name: string) => void }) {
  const [text, setText] = useState("");
  const name = cleanName(text);
  return (
    <form
      class="who-field"
      onSubmit={(event) => {
        event.preventDefault();
        if (name === "") return;
        setWho(name);
        onName(name);
      }}
    >
      <label>
        <span>{why}</span>
        <input type="text" value={text} maxLength={NAME_MAX} autocomplete="name" placeholder="Your name" onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <button type="submit" class="button primary" disabled={name === ""}>
        {button}
      </button>
      <small>Kept in this browser; there are no accounts.</small>
    </form>
  );
}
