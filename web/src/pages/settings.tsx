// Settings of a project: keys, scrubbing, filters, limits, grouping. A draft that is saved as a whole, on the version it began with.

import { useEffect, useState } from "preact/hooks";
import { type ApiError, change, remember, useResource } from "../api/client";
import type { FieldProblem, NewProject, ProjectSettings, ProjectSettingsView } from "../api/types";
import type { PageProps } from "../app";
import { DiscardedSection } from "../components/discarded";
import { Icon } from "../components/icons";
import { type Draft, FiltersSection, GroupingSection, LimitsSection, ProjectSection, ScrubSection } from "../components/settings-sections";
import { SettingsNav } from "../components/settings-nav";
import { PageTitle } from "../components/shell";
import { LoadError, SkeletonRows } from "../components/states";
import { DISCARDED_ID } from "../lib/discarded";
import { ago, plural } from "../lib/format";
import { isSame, sectionOf, tidy } from "../lib/settings";
import { navigate } from "../router";
import { boot, now, refreshBoot, say } from "../state";
import "../styles/settings.css";

const SECTIONS = [
  ["project", "Project and keys"],
  ["scrub", "Scrubbing"],
  ["filters", "Inbound filters"],
  ["limits", "Limits"],
  ["grouping", "Grouping rules"],
  [DISCARDED_ID, "Discarded issues"],
] as const;
/** Counts of drops are read again this often while nothing is being changed. */
const REFRESH_MS = 15_000;
const SAVED_MS = 2500;

type Saving = { state: "idle" | "saving" | "saved" } | { state: "failed"; error: ApiError };

export const projectPath = (slug: string) => `/settings/projects/${encodeURIComponent(slug)}`;

export function SettingsPage({ params }: PageProps) {
  const projects = boot.value?.projects ?? [];
  const project = params.slug ? projects.find((known) => known.slug === params.slug) : projects[0];
  const path = project ? `/api/ui/projects/${project.id}/settings` : params.slug && boot.value ? `/api/ui/projects/${encodeURIComponent(params.slug)}/settings` : null;
  const { data, error, reload } = useResource<ProjectSettingsView>(path);
  return (
    <div class="page settings">
      <header class="page-head">
        <PageTitle title={project && projects.length > 1 ? `Settings of ${project.name}` : "Settings"}>Settings</PageTitle>
      </header>
      <SettingsNav />
      <Projects current={project?.slug ?? ""} />
      {error && <LoadError error={error} what="The settings" hasData={data !== undefined} onRetry={reload} />}
      {!data && !error && <SkeletonRows rows={6} height={72} />}
      {data && path && <Form key={data.id} path={path} loaded={data} reload={reload} />}
    </div>
  );
}

/** The projects as tabs of links, and a small form for another one. */
function Projects({ current }: { current: string }) {
  const [isMaking, setMaking] = useState(false);
  const [name, setName] = useState("");
  const [slug, setSlug] = useState("");
  const [error, setError] = useState<string | null>(null);
  const create = (event: Event) => {
    event.preventDefault();
    const sent: NewProject = { name, slug: slug || null, platform: null };
    change<ProjectSettingsView>("POST", "/api/ui/projects", sent).then(
      async (made) => {
        await refreshBoot();
        setMaking(false);
        setName("");
        setSlug("");
        setError(null);
        say(`Project ${made.name} made`);
        navigate(projectPath(made.slug));
      },
      (failure: ApiError) => setError(failure.message),
    );
  };
  return (
    <div class="projects">
      <nav aria-label="Projects">
        {(boot.value?.projects ?? []).map((project) => (
          <a key={project.id} href={projectPath(project.slug)} class="project-tab" aria-current={project.slug === current ? "page" : undefined}>
            {project.name}
          </a>
        ))}
        <button type="button" class="project-tab new" aria-expanded={isMaking} onClick={() => setMaking(!isMaking)}>
          <Icon name="plus" size={14} />
          New project
        </button>
      </nav>
      {isMaking && (
        <form class="new-project" onSubmit={create}>
          <label>
            <span>Name</span>
            {/* oxlint-disable-next-line jsx-a11y/no-autofocus */}
            <input class="set-input" value={name} maxLength={80} autoFocus required placeholder="My shop" onInput={(event) => setName(event.currentTarget.value)} />
          </label>
          <label>
            <span>Slug, for addresses and issue names</span>
            <input class="set-input mono" value={slug} maxLength={40} placeholder={name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-|-$/g, "") || "my-shop"} onInput={(event) => setSlug(event.currentTarget.value)} />
          </label>
          <div class="buttons">
            <button type="submit" class="button primary">
              Make the project
            </button>
            <button type="button" class="button" onClick={() => setMaking(false)}>
              Cancel
            </button>
          </div>
          {error && (
            <p class="set-problems" role="alert">
              {error}
            </p>
          )}
        </form>
      )}
    </div>
  );
}

function Form({ path, loaded, reload }: { path: string; loaded: ProjectSettingsView; reload: () => void }) {
  // What the draft is based on: later answers bring fresh counts, but a newer version only when nothing is unsaved.
  const [base, setBase] = useState(loaded);
  const [draft, setDraft] = useState<ProjectSettings>(loaded.settings);
  const [problems, setProblems] = useState<readonly FieldProblem[]>([]);
  const [saving, setSaving] = useState<Saving>({ state: "idle" });
  const isDirty = !isSame(draft, base.settings);
  const take = (view: ProjectSettingsView) => {
    remember(path, view);
    setBase(view);
    setDraft(view.settings);
    setProblems([]);
  };
  useEffect(() => {
    if (loaded.version === base.version) setBase(loaded);
    else if (!isDirty && loaded.version > base.version) take(loaded);
    // oxlint-disable-next-line react/exhaustive-deps
  }, [loaded]);
  useEffect(() => {
    const timer = setInterval(() => !document.hidden && reload(), REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  useEffect(() => {
    if (saving.state !== "saved") return undefined;
    const timer = setTimeout(() => setSaving({ state: "idle" }), SAVED_MS);
    return () => clearTimeout(timer);
  }, [saving]);
  useEffect(() => {
    if (!isDirty) return undefined;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [isDirty]);

  useEffect(() => {
    if (location.hash.length > 1) document.getElementById(location.hash.slice(1))?.scrollIntoView({ block: "start" });
  }, []);

  const save = () => {
    setSaving({ state: "saving" });
    change<ProjectSettingsView>("PUT", path, { version: base.version, settings: tidy(draft) }).then(
      (view) => {
        take(view);
        setSaving({ state: "saved" });
        say("Settings saved");
      },
      (error: ApiError) => {
        setProblems(error.problems);
        // Lines are numbered as they were sent, without the blank ones.
        if (error.problems.length > 0) setDraft(tidy(draft));
        setSaving({ state: "failed", error });
        // What the others saved, to be taken or overwritten.
        if (error.status === 409) reload();
        const first = error.problems[0];
        if (first) document.getElementById(sectionOf(first.field))?.scrollIntoView({ block: "start" });
      },
    );
  };
  const discard = () => {
    setDraft(base.settings);
    setProblems([]);
    setSaving({ state: "idle" });
  };
  const overwrite = () => {
    change<ProjectSettingsView>("PUT", path, { version: loaded.version, settings: tidy(draft) }).then(
      (view) => {
        take(view);
        setSaving({ state: "saved" });
      },
      (error: ApiError) => setSaving({ state: "failed", error }),
    );
  };
  const shared: Draft = {
    settings: draft,
    problems,
    onChange: (settings) => {
      setDraft(settings);
      if (saving.state !== "idle") setSaving({ state: "idle" });
    },
  };
  const isOutdated = loaded.version > base.version || (saving.state === "failed" && saving.error.status === 409);
  const wrong = new Set(problems.map((problem) => sectionOf(problem.field)));
  return (
    <div class="settings-body">
      <nav class="settings-nav" aria-label="Sections">
        <ul>
          {SECTIONS.map(([id, title]) => (
            <li key={id}>
              <a href={`#${id}`} class={wrong.has(id) ? "wrong" : undefined}>
                {title}
              </a>
            </li>
          ))}
        </ul>
        {base.updated_ms !== null && <p class="quiet">{`Changed ${ago(base.updated_ms, now.value)}`}</p>}
      </nav>
      <div class="settings-sections">
        <ProjectSection
          view={base}
          onView={(view) => {
            remember(path, view);
            setBase({ ...view, settings: base.settings, version: base.version });
            void refreshBoot();
          }}
        />
        <ScrubSection view={base} {...shared} />
        <FiltersSection view={base} {...shared} />
        <LimitsSection view={base} {...shared} />
        <GroupingSection {...shared} />
        <DiscardedSection slug={base.slug} />
      </div>
      {(isDirty || saving.state !== "idle") && (
        <div class={saving.state === "failed" ? "save-bar is-failed" : "save-bar"} role="region" aria-label="Save">
          <p role="status">
            {saving.state === "saved" ? (
              <>
                <Icon name="check" size={14} /> Saved: what comes in from now on is treated so
              </>
            ) : isOutdated ? (
              "Somebody else saved these settings since you opened them"
            ) : saving.state === "failed" ? (
              problems.length > 0 ? `Nothing was saved: ${plural(problems.length, "place")} cannot be used` : saving.error.message
            ) : (
              "Unsaved changes"
            )}
          </p>
          {saving.state !== "saved" && (
            <div class="buttons">
              {isOutdated ? (
                <>
                  <button type="button" class="button" disabled={loaded.version <= base.version} onClick={overwrite}>
                    Overwrite with mine
                  </button>
                  <button
                    type="button"
                    class="button primary"
                    disabled={loaded.version <= base.version}
                    onClick={() => {
                      setSaving({ state: "idle" });
                      take(loaded);
                    }}
                  >
                    Take theirs
                  </button>
                </>
              ) : (
                <>
                  <button type="button" class="button" onClick={discard}>
                    Discard
                  </button>
                  <button type="button" class="button primary" disabled={saving.state === "saving"} onClick={save}>
                    {saving.state === "saving" ? "Saving…" : "Save"}
                  </button>
                </>
              )}
            </div>
          )}
        </div>
      )}
    </div>
  );
}
