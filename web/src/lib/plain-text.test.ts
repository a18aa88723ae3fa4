import { expect, it } from "vitest";
import { visibleText } from "./plain-text";

it("characters that turn text round are named instead of obeyed", () => {
  expect(visibleText("invoice\u202egnp.exe")).toBe("invoice⟨U+202E⟩gnp.exe");
  for (const code of [0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069, 0x200e, 0x200f, 0x061c])
    expect(visibleText(`a${String.fromCharCode(code)}b`)).toBe(`a⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩b`);
});

it("controls are named, tabs and line ends stay what they are", () => {
  expect(visibleText("\u001b[31mred\u001b[0m\u0000\u007f\u0085")).toBe("⟨U+001B⟩[31mred⟨U+001B⟩[0m⟨U+0000⟩⟨U+007F⟩⟨U+0085⟩");
  expect(visibleText("a\tb\r\nc")).toBe("a\tb\r\nc");
});

it("letters of every script are left alone", () => {
  for (const text of ["مرحبا بالعالم", "שלום עולם", "नमस्ते", "👩‍👩‍👧 family", "naïve – “quoted” …", ""]) expect(visibleText(text)).toBe(text);
});
