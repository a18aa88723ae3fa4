import { expect, test } from "vitest";
import { offerUndo, undoLast, watchChange } from "./toast";

/** A change that ends when it is told to. */
function change(name: string, undone: string[]): () => void {
  let end = () => {};
  const answered = new Promise<void>((resolve) => (end = resolve));
  watchChange(answered.then(() => offerUndo(name, async () => void undone.push(name))));
  return end;
}

test("undo is of the newest change, also when the server has not answered it yet", async () => {
  const undone: string[] = [];
  change("first", undone)();
  await Promise.resolve();
  const end = change("second", undone);
  const twice = [undoLast(), undoLast()];
  end();
  await Promise.all(twice);
  expect(undone).toEqual(["second", "first"]);
});
