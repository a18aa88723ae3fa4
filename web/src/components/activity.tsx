// What happened to an issue and what people said about it, the newest first; and the box to say something.

import { useRef, useState } from "preact/hooks";
import { type ApiError, change } from "../api/client";
import type { ActivityEntry, ActivityView } from "../api/issue-types";
import { apiIssue, type OfIssue, useIssuePart } from "../api/use-issue";
import { activityWords, isByItself } from "../lib/activity";
import { count, sentence } from "../lib/format";
import { safeHref } from "../lib/urls";
import { cleanName, NAME_MAX, setWho, who } from "../lib/who";
import { say } from "../state";
import { Ago } from "./marks";
import { Region } from "./region";

/** More are a click away. */
const ENTRIES_AT = 30;
/** As the server takes it. */
const COMMENT_MAX = 20_000;

export function Activity({ of }: { of: OfIssue }) {
  const answer = useIssuePart<ActivityView>(of, "activity");
  const [isWhole, setWhole] = useState(false);
  const path = `${apiIssue(of.name)}/comments`;
  return (
    <div class="activity">
      <CommentBox
        label="Comment"
        button="Comment"
        onSend={async (text) => {
          await change("POST", path, { text, ...(who.value === "" ? {} : { by: who.value }) });
          say("Comment added");
          answer.reload();
        }}
      />
      <Region answer={answer} what="The activity" rows={3} height={40}>
        {(view) => (
          <>
            <ol class="activity-list">
              {view.entries.slice(0, isWhole ? undefined : ENTRIES_AT).map((entry) => (
                <Item key={entry.id} entry={entry} path={path} onChange={answer.reload} />
              ))}
            </ol>
            {!isWhole && view.entries.length > ENTRIES_AT && (
              <button type="button" class="link" onClick={() => setWhole(true)}>
                {`Show all ${count(view.entries.length)}`}
              </button>
            )}
            {view.entries.length === 0 && <p class="quiet">Nothing was done to it so far.</p>}
          </>
        )}
      </Region>
    </div>
  );
}

function Item({ entry, path, onChange }: { entry: ActivityEntry; path: string; onChange: () => void }) {
  const [mode, setMode] = useState<"read" | "edit" | "delete">("read");
  const [problem, setProblem] = useState<string | null>(null);
  const one = `${path}/${encodeURIComponent(entry.id)}`;
  const isComment = entry.kind === "comment";
  // Without accounts a name is all there is to go by.
  const isOwn = isComment && (entry.by ?? "") === who.value;
  const words = activityWords(entry);
  const remove = () => {
    change("DELETE", one).then(
      () => {
        say("Comment deleted");
        onChange();
      },
      (error: ApiError) => setProblem(error.message),
    );
  };
  return (
    <li class={isComment ? "comment" : "deed"}>
      <p class="deed-line">
        {isByItself(entry.kind) ? words : (
          <>
            <b>
              <bdi>{entry.by ?? "Somebody"}</bdi>
            </b>{" "}
            {words}
          </>
        )}{" "}
        <span class="quiet">
          <Ago ms={entry.at_ms} />
          {entry.detail.edited_ms ? ", edited" : ""}
        </span>
        {isOwn && mode === "read" && (
          <span class="deed-tools">
            <button type="button" class="link" onClick={() => setMode("edit")}>
              Edit
            </button>
            <button type="button" class="link" onClick={() => setMode("delete")}>
              Delete
            </button>
          </span>
        )}
      </p>
      {isComment && mode !== "edit" && <Words text={entry.text ?? ""} />}
      {mode === "edit" && (
        <CommentBox
          label="Edit the comment"
          button="Save"
          value={entry.text ?? ""}
          onCancel={() => setMode("read")}
          onSend={async (text) => {
            await change("PUT", one, { text, ...(who.value === "" ? {} : { by: who.value }) });
            setMode("read");
            onChange();
          }}
        />
      )}
      {mode === "delete" && (
        <p class="buttons">
          <button type="button" class="button danger" onClick={remove}>
            Delete it
          </button>
          <button type="button" class="button" onClick={() => setMode("read")}>
            Keep it
          </button>
        </p>
      )}
      {problem && <p class="field-problem" role="alert">{sentence(problem)}</p>}
    </li>
  );
}

const LINK = /(https?:\/\/[^\s<>"]+[^\s<>"'.,;:!?)\]])/;

/** As it was written; addresses become links, nothing else means anything. */
export function Words({ text }: { text: string }) {
  return (
    <p class="comment-words" dir="auto">
      {text.split(LINK).map((part, i) => {
        const href = i % 2 === 1 ? safeHref(part) : null;
        return href ? (
          <a key={i} href={href} target="_blank" rel="noopener noreferrer">
            {part}
          </a>
        ) : (
          part
        );
      })}
    </p>
  );
}

function CommentBox({ label, button, value = "", onSend, onCancel }: { label: string; button: string; value?: string; onSend: (text: string) => Promise<void>; onCancel?: () => void }) {
  const [text, setText] = useState(value);
  const [isSending, setSending] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const box = useRef<HTMLTextAreaElement>(null);
  const isSendable = text.trim() !== "" && !isSending;
  const send = () => {
    if (!isSendable) return;
    setSending(true);
    setProblem(null);
    onSend(text.trim())
      .then(() => setText(""))
      .catch((error: ApiError) => setProblem(error.message))
      .finally(() => setSending(false));
  };
  return (
    <form
      class="comment-box"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <textarea
        ref={box}
        aria-label={label}
        placeholder="What you found out"
        rows={text === "" ? 2 : Math.min(12, text.split("\n").length + 1)}
        maxLength={COMMENT_MAX}
        value={text}
        dir="auto"
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
            event.preventDefault();
            send();
          } else if (event.key === "Escape") {
            event.stopPropagation();
            if (onCancel) onCancel();
            else box.current?.blur();
          }
        }}
      />
      {(text !== "" || onCancel) && (
        <p class="comment-tools">
          <label>
            <span>as</span>
            <input type="text" value={who.value} maxLength={NAME_MAX} placeholder="Your name" autocomplete="name" onChange={(event) => setWho(cleanName(event.currentTarget.value))} />
          </label>
          <button type="submit" class="button primary" disabled={!isSendable}>
            {isSending ? "Sending…" : button} <kbd aria-hidden="true">Ctrl ↵</kbd>
          </button>
          {onCancel && (
            <button type="button" class="button" onClick={onCancel}>
              Cancel
            </button>
          )}
        </p>
      )}
      {problem && <p class="field-problem" role="alert">{sentence(problem)}</p>}
    </form>
  );
}
