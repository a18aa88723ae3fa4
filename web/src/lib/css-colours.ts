// Colours of tokens as a canvas needs them: resolved for the theme that is drawn.

export function cssColours(names: Iterable<string>): Map<string, string> {
  const probe = document.createElement("span");
  document.body.append(probe);
  const out = new Map<string, string>();
  for (const name of names) {
    probe.style.color = `var(--${name})`;
    out.set(name, getComputedStyle(probe).color);
  }
  probe.remove();
  return out;
}
