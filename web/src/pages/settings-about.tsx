// What this server is: its version, where it keeps things, which addresses it listens to.

import { useResource } from "../api/client";
import type { StorageView } from "../api/types";
import type { PageProps } from "../app";
import { CopyButton } from "../components/controls";
import { SettingsNav } from "../components/settings-nav";
import { Section } from "../components/settings-parts";
import { PageTitle } from "../components/shell";
import { size } from "../lib/storage";
import { composeDsn } from "../lib/urls";
import { boot } from "../state";
import "../styles/settings.css";

export function SettingsAboutPage(_: PageProps) {
  const storage = useResource<StorageView>("/api/ui/storage");
  const view = boot.value;
  const { data } = storage;
  return (
    <div class="page settings">
      <header class="page-head">
        <PageTitle title="About" />
      </header>
      <SettingsNav />
      <Section id="server" title="This server">
        <dl class="kv about">
          <Fact name="Version">{view ? `trapline ${view.version}` : "…"}</Fact>
          <Fact name="Database">{view?.database_path ?? "…"}</Fact>
          <Fact name="Room">{data ? `${size(data.used_bytes)} of ${size(data.max_bytes)}` : "…"}</Fact>
          <Fact name="This page asks">{`${location.origin} and no other host`}</Fact>
        </dl>
        <p class="quiet">
          What is kept, for how long, and what takes the room: <a href="/storage">Retention and disk</a>. The settings file and the variables of the environment are described in <code>config.example.toml</code>.
        </p>
      </Section>
      <Section id="addresses" title="Addresses" note="As this browser reaches the server; an application in a container or on another machine may need another name for the host.">
        <dl class="kv about">
          {(view?.projects ?? []).map((project) => {
            const dsn = composeDsn(location, project.public_key, project.id);
            return (
              <Fact key={project.id} name={`DSN of ${project.name}`}>
                {dsn} <CopyButton class="button quiet-button" label="Copy DSN" text={() => dsn} />
              </Fact>
            );
          })}
          <Fact name="OpenTelemetry">
            {location.origin} <CopyButton class="button quiet-button" label="Copy address" text={() => location.origin} />
          </Fact>
          <Fact name="Short links">{`${location.origin}/e/<event>, /t/<trace>, /s/<span>, /issues/<SHOP-12>`}</Fact>
          <Fact name="Sentry's web API">{`${location.origin}/api/0/`}</Fact>
          <Fact name="Jaeger's query API">{`${location.origin}/api/traces`}</Fact>
        </dl>
      </Section>
    </div>
  );
}

function Fact({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
