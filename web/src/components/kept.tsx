// What is kept as bytes: files of an event, profiles and replays of a trace. Shown as text or as a raster image, never as a page.

import { useState } from "preact/hooks";
import { useResource } from "../api/client";
import type { AttachmentTextView, AttachmentView, ProfileView, ReplayView } from "../api/types";
import { bytes, dateTime, duration, oneLine, plural } from "../lib/format";
import { Icon } from "./icons";
import { LoadError, Partial, SkeletonRows } from "./states";

/** Sentry's words for kinds of files, in ours. The default needs none. */
const KINDS: Record<string, string> = {
  "event.attachment": "",
  "event.minidump": "minidump",
  "event.applecrashreport": "Apple crash report",
  "event.payload": "event",
  "event.breadcrumbs": "breadcrumbs",
  "event.view_hierarchy": "view hierarchy",
  form_data: "form data",
  unreal_report: "Unreal report",
};

export function Attachments({ eventId, files }: { eventId: string; files: readonly AttachmentView[] }) {
  return (
    <ul class="files">
      {files.map((file) => (
        <File key={file.id} eventId={eventId} file={file} />
      ))}
    </ul>
  );
}

function File({ eventId, file }: { eventId: string; file: AttachmentView }) {
  const [isOpen, open] = useState(false);
  const kind = KINDS[file.kind] ?? file.kind;
  const contentType = file.content_type === "application/octet-stream" ? null : file.content_type;
  const about = [kind, contentType ?? ""].filter(Boolean).join(" · ");
  const isEmpty = file.bytes === 0;
  return (
    <li>
      <div class="file-line">
        <span class="file-name mono">{file.name}</span>
        <span class="file-about">{about}</span>
        <span class="file-size num">{bytes(file.bytes)}</span>
        {file.problem === null && (
          <span class="file-tools">
            {file.preview === "text" && !isEmpty && (
              <button type="button" class="toggle" aria-expanded={isOpen} onClick={() => open(!isOpen)}>
                {isOpen ? "Hide text" : "Show text"}
              </button>
            )}
            <a class="button" href={`${file.url}?download`} download={file.name} aria-label={`Download ${file.name}`}>
              Download
            </a>
          </span>
        )}
      </div>
      {file.problem !== null && (
        <Partial>Not kept: {file.problem}</Partial>
      )}
      {file.preview === "image" && !isEmpty && <Picture file={file} />}
      {isOpen && <FileText eventId={eventId} file={file} />}
    </li>
  );
}

/** Only what the server finds to be a raster image is sent as one; anything else fails to load and is a download alone. */
function Picture({ file }: { file: AttachmentView }) {
  const [isBroken, fail] = useState(false);
  if (isBroken) return <p class="quiet">Its bytes are no PNG, JPEG, GIF or WebP image.</p>;
  return (
    <a class="picture" href={`${file.url}?inline`} target="_blank" rel="noreferrer" aria-label={`Open ${file.name} in a new tab`}>
      <img src={`${file.url}?inline`} alt={file.name} loading="lazy" decoding="async" onError={() => fail(true)} />
    </a>
  );
}

function FileText({ eventId, file }: { eventId: string; file: AttachmentView }) {
  const { data, error, reload } = useResource<AttachmentTextView>(`/api/ui/events/${eventId}/attachments/${file.id}/text`);
  if (error) return <LoadError error={error} what="The text" hasData={false} onRetry={reload} />;
  if (!data) return <SkeletonRows rows={3} height={20} />;
  return (
    <>
      <pre class="file-text">{data.text}</pre>
      {data.is_cut && <p class="quiet">{`The first 65.5 kB of ${bytes(file.bytes)}; the download has the rest.`}</p>}
    </>
  );
}

/** One line for each thing that is kept beside a trace. */
export function KeptWithTrace({ profiles, replays }: { profiles: readonly ProfileView[]; replays: readonly ReplayView[] }) {
  if (profiles.length + replays.length === 0) return null;
  return (
    <ul class="kept">
      {profiles.map((profile) => (
        <li key={profile.profile_id}>
          <Icon name="profile" size={14} />
          <span>
            {profile.is_chunk ? "Process profile kept" : "Profile kept"}: {plural(profile.samples, "sample")}, {duration(profile.duration_ms * 1e6)}
          </span>
          {profile.name !== "" && <span class="quiet">{oneLine(profile.name, 80)}</span>}
          <a href={profile.url} download={`profile-${profile.profile_id}.json`}>{`Download JSON, ${bytes(profile.bytes)}`}</a>
        </li>
      ))}
      {replays.map((replay) => (
        <ReplayLine key={replay.replay_id} replay={replay} />
      ))}
    </ul>
  );
}

export function Replays({ replays }: { replays: readonly ReplayView[] }) {
  return (
    <ul class="kept">
      {replays.map((replay) => (
        <ReplayLine key={replay.replay_id} replay={replay} />
      ))}
    </ul>
  );
}

function ReplayLine({ replay }: { replay: ReplayView }) {
  return (
    <li>
      <Icon name="replay" size={14} />
      <span>
        Session replay kept: {plural(replay.segment_count, "segment")}, from <time dateTime={new Date(replay.start_ms).toISOString()}>{dateTime(replay.start_ms)}</time> to{" "}
        <time dateTime={new Date(replay.end_ms).toISOString()}>{dateTime(replay.end_ms)}</time>
      </span>
      {replay.page && <span class="quiet">{oneLine(replay.page, 80)}</span>}
      <a href={replay.url} download={`replay-${replay.replay_id}.json`}>Download JSON</a>
    </li>
  );
}
