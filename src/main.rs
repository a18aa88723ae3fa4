//! The command line: flags and environment into settings, then one call into [`trapline::app`].
//!
//! Knows no more than how things are spelt; every default and check is in `config`.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use trapline::app;
use trapline::app::safety::{self, ExportFilter};
use trapline::clock;
use trapline::config::{Durability, KEEP_DAYS_MAX, LogFormat, MaxSize, OtlpWithoutKey, RawSettings, Settings};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How a shell tells that a command was written wrongly.
const WRONG_USE: u8 = 2;
/// As a shell says of a program that SIGPIPE has ended.
const UNREAD: u8 = 141;

/// Read when it stands beside the place of the start and no other file is named.
const SETTINGS_FILE: &str = "trapline.toml";

/// Keeps and explains the errors and traces of your application.
///
/// Every Sentry SDK works by changing the DSN, every OpenTelemetry SDK by setting the endpoint. Without a command it
/// serves, with the options below; `trapline COMMAND --help` lists those of a command.
#[derive(Parser)]
#[command(
    name = "trapline",
    version,
    after_help = "Example:\n  trapline serve --data-dir /srv/trapline --max-size \"20 GiB\""
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Subcommand)]
enum Command {
    /// Take in, keep and show (the default)
    #[command(after_help = "Example:\n  trapline serve --data-dir /srv/trapline --max-size \"20 GiB\"")]
    Serve(Box<Flags>),
    /// Print the DSN of the first project alone, also while a server runs
    #[command(after_help = "Example:\n  export SENTRY_DSN=\"$(trapline dsn --data-dir /srv/trapline)\"")]
    Dsn {
        #[command(flatten)]
        place: Place,
        /// Address the DSN names when no server has run there yet [default: 127.0.0.1:4318]
        #[arg(long, env = "TRAPLINE_LISTEN", value_name = "ADDR:PORT", value_delimiter = ',')]
        listen: Option<Vec<String>>,
    },
    /// What takes how much room, how long it is kept and when it will be dropped; also while a server runs
    #[command(after_help = "Example:\n  trapline storage --data-dir /srv/trapline")]
    Storage {
        #[command(flatten)]
        place: Place,
        /// For programs: bytes and unix milliseconds
        #[arg(long)]
        json: bool,
        /// Rewrite the file without its free pages, so that they can go back to the file system; only while no server runs
        #[arg(long, conflicts_with = "json")]
        compact: bool,
    },
    /// Copy the database to FILE and test the copy, also while a server runs
    #[command(after_help = "Example:\n  trapline backup /backups/trapline-$(date +%F).db --data-dir /srv/trapline")]
    Backup {
        /// One file that holds everything; for a directory, trapline-DATE-TIME.db (UTC) in it
        file: PathBuf,
        /// Replace FILE when it exists
        #[arg(long)]
        force: bool,
        /// Print what the backup holds as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Test a backup and put it in place, while no server runs
    #[command(after_help = "Example:\n  trapline restore /backups/trapline-2026-11-21.db --data-dir /srv/trapline")]
    Restore {
        /// Made by trapline backup
        file: PathBuf,
        /// Even when there is a database with data: it is moved aside
        #[arg(long)]
        force: bool,
        /// Only test it, and change nothing
        #[arg(long)]
        verify: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Test the database, or a backup, and say what is broken; also while a server runs
    #[command(after_help = "Example:\n  trapline check --full --data-dir /srv/trapline")]
    Check {
        /// The file to test [default: the database in the data directory]
        file: Option<PathBuf>,
        /// Read every event, span, log and attachment, not only some
        #[arg(long)]
        full: bool,
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Write everything kept as lines of JSON, for another store or other tools; also while a server runs
    #[command(after_help = "Example:\n  trapline export errors.ndjson.zst --kind events --since 2026-11-01")]
    Export {
        /// Compressed when its name ends in .zst or .gz; - is standard output
        #[arg(default_value = "-")]
        file: PathBuf,
        /// Replace FILE when it exists
        #[arg(long)]
        force: bool,
        /// Of one project alone, by its number or slug
        #[arg(long)]
        project: Option<String>,
        /// Only these; may be given more than once
        #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = clap::builder::PossibleValuesParser::new(safety::EXPORT_KINDS))]
        kind: Vec<String>,
        /// Only what came since then: 2026-11-21, 2026-11-21T08:00:00Z
        #[arg(long, value_name = "TIME", value_parser = safety::parse_since)]
        since: Option<i64>,
        #[command(flatten)]
        place: Place,
    },
    /// Read what trapline export wrote, while no server runs; what is there already stays as it is
    #[command(after_help = "Example:\n  trapline import all.ndjson.zst --data-dir /srv/new-trapline")]
    Import {
        /// As trapline export wrote it, compressed or not; - is standard input
        #[arg(default_value = "-")]
        file: PathBuf,
        #[command(flatten)]
        place: Place,
    },
}

/// Which database, for the commands that need no more.
#[derive(Args, Clone, Default)]
struct Place {
    /// Settings file [default: trapline.toml, when there is one]
    #[arg(long, env = "TRAPLINE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where everything is kept [default: trapline-data]
    #[arg(long, env = "TRAPLINE_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

#[derive(Args, Clone, Default)]
struct Flags {
    #[command(flatten)]
    place: Place,
    /// Loopback address and port; may be given more than once [default: 127.0.0.1:4318 and [::1]:4318]
    #[arg(long, env = "TRAPLINE_LISTEN", value_name = "ADDR:PORT", value_delimiter = ',')]
    listen: Option<Vec<String>>,
    /// Loopback addresses for gRPC beside those, or off; taken default ones are left out [default: 127.0.0.1:4317 and
    /// [::1]:4317]
    #[arg(long, env = "TRAPLINE_GRPC_LISTEN", value_name = "ADDR:PORT", value_delimiter = ',')]
    grpc_listen: Option<Vec<String>>,
    /// Names besides the loopback ones that a Host header may carry
    #[arg(long, env = "TRAPLINE_ALLOWED_HOSTS", value_name = "NAME", value_delimiter = ',')]
    allowed_hosts: Option<Vec<String>>,
    /// Proxies whose X-Forwarded-For is believed [default: 127.0.0.0/8 and ::1]
    #[arg(long, env = "TRAPLINE_TRUSTED_PROXIES", value_name = "ADDR", value_delimiter = ',')]
    trusted_proxies: Option<Vec<String>>,
    /// Origins whose pages may send, https://shop.example, or * [default: *]
    #[arg(long, env = "TRAPLINE_ALLOWED_ORIGINS", value_name = "ORIGIN", value_delimiter = ',')]
    allowed_origins: Option<Vec<String>>,
    /// From where OpenTelemetry data is taken that names no key: local, always or never [default: local]
    #[arg(long, env = "TRAPLINE_OTLP_WITHOUT_KEY", value_name = "WHEN", value_parser = parse_without_key)]
    otlp_without_key: Option<OtlpWithoutKey>,
    /// Let Grafana's data proxy read Jaeger's query API [default: false]
    #[arg(long, env = "TRAPLINE_JAEGER_THROUGH_PROXY", value_name = "BOOL")]
    jaeger_through_proxy: Option<bool>,
    /// error, warn, info, debug, trace, or a filter [default: info]
    #[arg(long, env = "TRAPLINE_LOG_LEVEL", value_name = "LEVEL")]
    log_level: Option<String>,
    /// text or json [default: text]
    #[arg(long, env = "TRAPLINE_LOG_FORMAT", value_name = "FORMAT", value_parser = parse_log_format)]
    log_format: Option<LogFormat>,
    /// Replace what looks like a secret before storing it [default: true]
    #[arg(long, env = "TRAPLINE_SCRUB", value_name = "BOOL")]
    scrub: Option<bool>,
    /// Make issues of OpenTelemetry's log records with an exception from WARN on, not from ERROR on
    #[arg(long, value_name = "BOOL", env = "TRAPLINE_WARNINGS_ARE_ERRORS")]
    warnings_are_errors: Option<bool>,
    /// The largest request as received [default: 67108864]
    #[arg(long, env = "TRAPLINE_REQUEST_BYTES_MAX", value_name = "BYTES")]
    request_bytes_max: Option<usize>,
    /// The largest request after decompression [default: 67108864]
    #[arg(long, env = "TRAPLINE_EXPANDED_BYTES_MAX", value_name = "BYTES")]
    expanded_bytes_max: Option<usize>,
    /// The largest single error event [default: 1048576]
    #[arg(long, env = "TRAPLINE_EVENT_BYTES_MAX", value_name = "BYTES")]
    event_bytes_max: Option<usize>,
    /// Time to send all headers of a request, and to be idle [default: 60]
    #[arg(long, env = "TRAPLINE_HEADER_TIMEOUT_S", value_name = "SECONDS")]
    header_timeout_s: Option<u64>,
    /// The largest single attachment; 0 keeps none [default: 20971520]
    #[arg(long, env = "TRAPLINE_ATTACHMENT_BYTES_MAX", value_name = "BYTES")]
    attachment_bytes_max: Option<usize>,
    /// full: a 200 survives a power cut; normal: it survives a crash of trapline, not of the machine [default: full]
    #[arg(long, env = "TRAPLINE_DURABILITY", value_name = "MODE", value_parser = parse_durability)]
    durability: Option<Durability>,
    /// What the database may hold at most, "10 GiB" or bytes; the oldest goes first [default: auto: the smaller of 10 GiB
    /// and half of the free disk at the first start]
    #[arg(long, env = "TRAPLINE_MAX_SIZE", value_name = "SIZE")]
    max_size: Option<MaxSize>,
    /// Days errors are kept; issues and their numbers stay; 0: as long as there is room [default: 90]
    #[arg(long, env = "TRAPLINE_KEEP_ERRORS_DAYS", value_name = "DAYS", value_parser = parse_days, allow_hyphen_values = true)]
    keep_errors_days: Option<u32>,
    /// Days spans and traces are kept [default: 30]
    #[arg(long, env = "TRAPLINE_KEEP_SPANS_DAYS", value_name = "DAYS", value_parser = parse_days, allow_hyphen_values = true)]
    keep_spans_days: Option<u32>,
    /// Days logs are kept [default: 30]
    #[arg(long, env = "TRAPLINE_KEEP_LOGS_DAYS", value_name = "DAYS", value_parser = parse_days, allow_hyphen_values = true)]
    keep_logs_days: Option<u32>,
    /// Days metrics are kept [default: 30]
    #[arg(long, env = "TRAPLINE_KEEP_METRICS_DAYS", value_name = "DAYS", value_parser = parse_days, allow_hyphen_values = true)]
    keep_metrics_days: Option<u32>,
    /// Days attachments of errors are kept [default: 30]
    #[arg(long, env = "TRAPLINE_KEEP_ATTACHMENTS_DAYS", value_name = "DAYS", value_parser = parse_days, allow_hyphen_values = true)]
    keep_attachments_days: Option<u32>,
    /// Days profiles are kept [default: 30]
    #[arg(long, env = "TRAPLINE_KEEP_PROFILES_DAYS", value_name = "DAYS", value_parser = parse_days, allow_hyphen_values = true)]
    keep_profiles_days: Option<u32>,
    /// Days session replays are kept [default: 30]
    #[arg(long, env = "TRAPLINE_KEEP_REPLAYS_DAYS", value_name = "DAYS", value_parser = parse_days, allow_hyphen_values = true)]
    keep_replays_days: Option<u32>,
    /// Days check-ins of monitors are kept [default: 90]
    #[arg(long, env = "TRAPLINE_KEEP_CHECK_INS_DAYS", value_name = "DAYS", value_parser = parse_days, allow_hyphen_values = true)]
    keep_check_ins_days: Option<u32>,
    /// Days of what people wrote [default: 365]
    #[arg(long, env = "TRAPLINE_KEEP_FEEDBACK_DAYS", value_name = "DAYS", value_parser = parse_days, allow_hyphen_values = true)]
    keep_feedback_days: Option<u32>,
    /// Days of sessions and users by release [default: 90]
    #[arg(long, env = "TRAPLINE_KEEP_SESSIONS_DAYS", value_name = "DAYS", value_parser = parse_days, allow_hyphen_values = true)]
    keep_sessions_days: Option<u32>,
    /// Days of counts by hour [default: 400]
    #[arg(long, env = "TRAPLINE_KEEP_COUNTS_DAYS", value_name = "DAYS", value_parser = parse_days, allow_hyphen_values = true)]
    keep_counts_days: Option<u32>,
    /// Days of performance data by hour [default: 120]
    #[arg(long, env = "TRAPLINE_KEEP_PERFORMANCE_DAYS", value_name = "DAYS")]
    keep_performance_days: Option<u32>,
    /// How long spans and logs wait for more of their kind before they are packed together [default: 30]
    #[arg(long, env = "TRAPLINE_SEAL_AFTER_S", value_name = "SECONDS")]
    seal_after_s: Option<u64>,
    /// Requests no longer than this satisfy their users (Apdex) [default: 500]
    #[arg(long, env = "TRAPLINE_APDEX_MS", value_name = "MS")]
    apdex_ms: Option<u64>,
    /// So many equal queries one after the other are an N+1 query [default: 5]
    #[arg(long, env = "TRAPLINE_N_PLUS_ONE_QUERIES", value_name = "COUNT")]
    n_plus_one_queries: Option<u64>,
    /// Unless they take less than this together, and less than 1 % of the request [default: 10]
    #[arg(long, env = "TRAPLINE_N_PLUS_ONE_MS", value_name = "MS")]
    n_plus_one_ms: Option<u64>,
    /// A query that takes this long is a slow one [default: 1000]
    #[arg(long, env = "TRAPLINE_SLOW_QUERY_MS", value_name = "MS")]
    slow_query_ms: Option<u64>,
    /// For tests: the clock stands still at this unix time in milliseconds
    #[arg(long, hide = true, value_name = "MS")]
    fixed_now: Option<i64>,
}

fn main() -> ExitCode {
    let parsed = command_line().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => match wrong_variable(&error) {
            Some(said) => {
                complain(&format!("trapline: {said}"));
                return ExitCode::from(WRONG_USE);
            }
            None => error.exit(),
        },
    };
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if app::is_unread(&error) => ExitCode::from(UNREAD),
        Err(error) => {
            complain(&format!("trapline: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// What a person has to change is the variable, not the option of the same meaning that nobody wrote.
fn wrong_variable(error: &clap::Error) -> Option<String> {
    let text = |kind| match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        _ => None,
    };
    let (option, value) = (text(ContextKind::InvalidArg)?, text(ContextKind::InvalidValue)?);
    let long = option.split_whitespace().next()?.strip_prefix("--")?;
    let command = Cli::command();
    let variable = command.get_arguments().find(|arg| arg.get_long() == Some(long))?.get_env()?;
    let is_it = |arg: &str| arg.strip_prefix("--").is_some_and(|arg| arg.split('=').next() == Some(long));
    let is_said = std::env::args_os().any(|arg| arg.to_str().is_some_and(is_it));
    // Of a list, the one that is wrong.
    let is_there = std::env::var(variable).is_ok_and(|all| all.split(',').any(|one| one == value) || all == value);
    if is_said || !is_there {
        return None;
    }
    let why = std::error::Error::source(error).map(|why| format!(": {why}")).unwrap_or_default();
    Some(format!("the environment variable {} is \"{value}\", which it cannot be{why}", variable.display()))
}

/// The environment is read once, before the command: what is said behind a command wins over it, and what is empty says
/// nothing.
fn command_line() -> clap::Command {
    let is_said = |name: &OsStr| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let told = |arg: Arg, is_read: bool| {
        let Some(name) = arg.get_env().map(OsStr::to_os_string) else { return arg };
        if is_read && is_said(&name) {
            return arg.hide_env_values(true);
        }
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        arg.env(clap::builder::Resettable::Reset).help(format!("{help} [env: {}]", name.display()))
    };
    let command = Cli::command().mut_args(|arg| told(arg, true));
    command.mut_subcommands(|command| command.mut_args(|arg| told(arg, false)))
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let Cli { command, flags } = cli;
    let serve_now = if let Some(Command::Serve(flags)) = &command { flags.fixed_now } else { None };
    if let Some(ms) = serve_now.or(flags.fixed_now) {
        clock::stop_at(ms);
    }
    let before = Said::from(flags);
    let at = |place: Place| Said::from(Flags { place, ..Flags::default() }).or(before.clone()).resolve();
    match command {
        None => app::run_server(before.resolve()?),
        Some(Command::Serve(flags)) => app::run_server(Said::from(*flags).or(before).resolve()?),
        Some(Command::Dsn { place, listen }) => {
            let said = Said::from(Flags { place, listen, ..Flags::default() });
            app::print_dsn(&said.or(before).resolve()?)
        }
        Some(Command::Storage { place, compact: true, .. }) => app::compact_storage(&at(place)?),
        Some(Command::Storage { place, json, .. }) => app::print_storage(&at(place)?, json),
        Some(Command::Backup { file, force, json, place }) => safety::backup(&at(place)?, &file, force, json),
        Some(Command::Restore { file, verify: true, place, .. }) => safety::check(&at(place)?, Some(file), true, false),
        Some(Command::Restore { file, force, place, .. }) => safety::restore(&at(place)?, &file, force),
        Some(Command::Export { file, force, project, kind, since, place }) => {
            safety::export(&at(place)?, &file, force, ExportFilter { project, groups: kind, since_ms: since })
        }
        Some(Command::Import { file, place }) => safety::import(&at(place)?, &file),
        Some(Command::Check { file, full, json, place }) => safety::check(&at(place)?, file, full, json),
    }
}

/// What a command line says, before the file and the defaults.
#[derive(Clone)]
struct Said {
    config: Option<PathBuf>,
    settings: RawSettings,
}

impl Said {
    fn or(self, weaker: Self) -> Self {
        Self { config: self.config.or(weaker.config), settings: self.settings.or(weaker.settings) }
    }

    /// Over the file, over the defaults.
    fn resolve(self) -> anyhow::Result<Settings> {
        let file = match self.config {
            Some(path) => Some(path),
            None => Some(PathBuf::from(SETTINGS_FILE)).filter(|path| path.exists()),
        };
        let from_file = match file {
            None => RawSettings::default(),
            Some(path) => {
                let text = std::fs::read_to_string(&path)
                    .with_context(|| format!("cannot read the settings file {}", path.display()))?;
                RawSettings::from_toml(&text).with_context(|| format!("in {}", path.display()))?
            }
        };
        Ok(self.settings.or(from_file).resolve()?)
    }
}

impl From<Flags> for Said {
    fn from(flags: Flags) -> Self {
        let settings = RawSettings {
            data_dir: flags.place.data_dir,
            listen: flags.listen,
            grpc_listen: flags.grpc_listen,
            allowed_hosts: flags.allowed_hosts,
            trusted_proxies: flags.trusted_proxies,
            allowed_origins: flags.allowed_origins,
            otlp_without_key: flags.otlp_without_key,
            jaeger_through_proxy: flags.jaeger_through_proxy,
            log_level: flags.log_level,
            log_format: flags.log_format,
            scrub: flags.scrub,
            warnings_are_errors: flags.warnings_are_errors,
            request_bytes_max: flags.request_bytes_max,
            expanded_bytes_max: flags.expanded_bytes_max,
            event_bytes_max: flags.event_bytes_max,
            header_timeout_s: flags.header_timeout_s,
            attachment_bytes_max: flags.attachment_bytes_max,
            durability: flags.durability,
            max_size: flags.max_size,
            keep_errors_days: flags.keep_errors_days,
            keep_spans_days: flags.keep_spans_days,
            keep_logs_days: flags.keep_logs_days,
            keep_metrics_days: flags.keep_metrics_days,
            keep_attachments_days: flags.keep_attachments_days,
            keep_profiles_days: flags.keep_profiles_days,
            keep_replays_days: flags.keep_replays_days,
            keep_check_ins_days: flags.keep_check_ins_days,
            keep_feedback_days: flags.keep_feedback_days,
            keep_sessions_days: flags.keep_sessions_days,
            keep_counts_days: flags.keep_counts_days,
            keep_performance_days: flags.keep_performance_days,
            seal_after_s: flags.seal_after_s,
            apdex_ms: flags.apdex_ms,
            n_plus_one_queries: flags.n_plus_one_queries,
            n_plus_one_ms: flags.n_plus_one_ms,
            slow_query_ms: flags.slow_query_ms,
            // A list of tables is for the file alone.
            limits: None,
        };
        Self { config: flags.place.config, settings }
    }
}

fn parse_days(text: &str) -> Result<u32, String> {
    // Whether it is too much is told by the settings, wherever it was said.
    text.trim()
        .parse()
        .map_err(|_| format!("write a number of days from 0 (as long as there is room) to {KEEP_DAYS_MAX}"))
}

fn parse_log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("write text or json".to_string()),
    }
}

fn parse_without_key(text: &str) -> Result<OtlpWithoutKey, String> {
    match text {
        "local" => Ok(OtlpWithoutKey::Local),
        "always" => Ok(OtlpWithoutKey::Always),
        "never" => Ok(OtlpWithoutKey::Never),
        _ => Err("write local, always or never".to_string()),
    }
}

fn parse_durability(text: &str) -> Result<Durability, String> {
    match text {
        "full" => Ok(Durability::Full),
        "normal" => Ok(Durability::Normal),
        _ => Err("write full or normal".to_string()),
    }
}

/// Standard error is where a person looks when a start fails; the log is not running yet.
#[allow(clippy::print_stderr)]
fn complain(text: &str) {
    eprintln!("{text}");
}
