// What to paste to connect an application, with this server's address in it. Pure.

export type Snippet = { title: string; language: "python" | "shell" | "other"; text: string };
export type Platform = "django" | "python" | "otel";

/** What else the same DSN takes; `null` where the setup already sends all there is. */
export function more(platform: Platform, dsn: string): Snippet | null {
  if (platform === "otel") return null;
  return {
    title: "the same call, with everything switched on",
    language: "python",
    text: `import sentry_sdk
from sentry_sdk.integrations.celery import CeleryIntegration

sentry_sdk.init(
    dsn="${dsn}",
    traces_sample_rate=1.0,
    send_default_pii=True,
    db_query_source_threshold_ms=0,
    environment="dev",
    release="my-app@1.0.0",
    enable_logs=True,                 # logging, INFO and above
    profile_session_sample_rate=1.0,  # where the time goes
    profile_lifecycle="trace",        # while a trace is open
    integrations=[                    # beat's jobs are monitors
        CeleryIntegration(monitor_beat_tasks=True),
    ],
)

# metrics need no switch
sentry_sdk.metrics.count("orders.placed", 1)`,
  };
}

export function snippets(platform: Platform, dsn: string, origin: string): { install: string; setup: Snippet[]; trigger: Snippet } {
  if (platform === "django")
    return {
      install: 'pip install "sentry-sdk[django]"',
      setup: [
        {
          title: "settings.py",
          language: "python",
          text: `import sentry_sdk

sentry_sdk.init(
    dsn="${dsn}",
    traces_sample_rate=1.0,          # every request is a trace
    send_default_pii=True,           # who was affected
    enable_logs=True,                # what logging says, INFO and above
    db_query_source_threshold_ms=0,  # the line behind each query
    environment="dev",               # laptop or production
    release="my-app@1.0.0",          # since when an error exists
)`,
        },
      ],
      trigger: { title: "urls.py", language: "python", text: 'path("boom/", lambda r: 1/0),' },
    };
  if (platform === "python")
    return {
      install: "pip install sentry-sdk",
      setup: [
        {
          title: "at the start of your program",
          language: "python",
          text: `import sentry_sdk

sentry_sdk.init(
    dsn="${dsn}",
    traces_sample_rate=1.0,          # every transaction is a trace
    send_default_pii=True,           # who was affected
    enable_logs=True,                # what logging says, INFO and above
    db_query_source_threshold_ms=0,  # the line behind each query
    environment="dev",               # laptop or production
    release="my-app@1.0.0",          # since when an error exists
)`,
        },
      ],
      trigger: { title: "anywhere after it", language: "python", text: "1/0" },
    };
  // Lines of at most 64 characters: the box shows them whole at 1280 px.
  return {
    install: `pip install opentelemetry-distro opentelemetry-exporter-otlp
# finds Django and your database driver
opentelemetry-bootstrap -a install`,
    setup: [
      {
        title: "environment",
        language: "shell",
        text: `export DJANGO_SETTINGS_MODULE=mysite.settings  # yours
export OTEL_SERVICE_NAME=my-app                # yours
export OTEL_EXPORTER_OTLP_ENDPOINT=${origin}`,
      },
      {
        title: "run",
        language: "shell",
        text: `# the reloader's second process would not be instrumented
opentelemetry-instrument python manage.py runserver --noreload`,
      },
    ],
    trigger: { title: "then open any page of your application", language: "shell", text: "curl http://127.0.0.1:8000/" },
  };
}

/** How people get to say what happened: on Django's page for a 500, from the browser's SDK, and by hand. */
export function crashPage(dsn: string, origin: string): Snippet[] {
  return [
    {
      title: "Django: the urls.py of ROOT_URLCONF",
      language: "python",
      text: `import sentry_sdk
from django.shortcuts import render

def handler500(request):
    event_id = sentry_sdk.last_event_id()
    return render(request, "500.html", {"event_id": event_id}, status=500)`,
    },
    {
      title: "Django: templates/500.html, shown when DEBUG is off",
      language: "other",
      text: `{% if event_id %}
<script src="${origin}/api/embed/error-page/?dsn=${encodeURIComponent(dsn)}&eventId={{ event_id }}"></script>
{% endif %}`,
    },
    {
      title: "JavaScript: after an error, with @sentry/browser",
      language: "other",
      text: "Sentry.showReportDialog({ eventId: Sentry.lastEventId() });",
    },
    {
      title: "Python: what a form of your own was told",
      language: "python",
      text: `sentry_sdk.capture_event({
    "type": "feedback",
    "contexts": {"feedback": {
        "message": "The basket is empty",
        "name": "Ada", "contact_email": "ada@example.com",
        "associated_event_id": event_id,  # if it is about one
    }},
})`,
    },
  ];
}
