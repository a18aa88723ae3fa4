//! The table: medians of the runs, the spread of the rates, and what the numbers are worth.

use crate::limits::Decoding;

/// More than this of other programs, and a run says as much about them as about us.
const DISTURBED_CORES: f64 = 0.25;

/// One scenario in one run. What the system did not tell is NaN, printed as a dash.
#[derive(Clone)]
pub struct Measured {
    pub per_s: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub cpu_us: f64,
    /// The part of it spent in the kernel.
    pub system_us: f64,
    /// Bytes handed to the disk per request.
    pub written_bytes: f64,
    pub generator_cores: f64,
    /// Everything else on the machine, and what a virtual machine's host took: high numbers spoil the rates.
    pub other_cores: f64,
    pub idle_mib: f64,
    pub peak_mib: f64,
    pub per_commit: f64,
    pub file_bytes: f64,
    pub used_bytes: f64,
    /// Requests the clock saw.
    pub requests: f64,
    /// Bytes of tables and indexes per event or span.
    pub parts: Vec<(String, f64)>,
    pub issues: f64,
    /// The same requests to a server that only keeps them.
    pub raw_per_s: f64,
    pub raw_cpu_us: f64,
    pub raw_system_us: f64,
}

pub struct Scenario {
    pub name: &'static str,
    /// Spans or events in a request.
    pub unit: &'static str,
    pub units: f64,
    pub runs: Vec<Measured>,
}

impl Scenario {
    pub fn median(&self, value: impl Fn(&Measured) -> f64) -> f64 {
        median(self.runs.iter().map(value).collect())
    }
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.retain(|value| value.is_finite());
    values.sort_unstable_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => (values[n / 2 - 1] + values[n / 2]) / 2.0,
    }
}

pub fn print(scenarios: &[Scenario], decoding: &[Decoding]) {
    println!(
        "\n{:<26}{:>9}{:>15}{:>9}{:>9}{:>10}{:>10}{:>10}{:>11}{:>11}{:>9}",
        "scenario",
        "req/s",
        "lowest-highest",
        "p50 ms",
        "p99 ms",
        "CPU µs",
        "RSS idle",
        "RSS peak",
        "req/commit",
        "disk B",
        "in use B"
    );
    println!(
        "{:<26}{:>9}{:>15}{:>9}{:>9}{:>10}{:>10}{:>10}{:>11}{:>11}{:>9}",
        "", "", "", "", "", "/req", "MiB", "MiB", "", "/unit", "/unit"
    );
    for scenario in scenarios {
        let rates: Vec<f64> = scenario.runs.iter().map(|run| run.per_s).collect();
        let spread = format!(
            "{:.0}-{:.0}",
            rates.iter().copied().fold(f64::INFINITY, f64::min),
            rates.iter().copied().fold(0.0, f64::max)
        );
        println!(
            "{:<26}{:>9}{:>15}{:>9}{:>9}{:>10}{:>10}{:>10}{:>11}{:>11}{:>9}",
            scenario.name,
            show(scenario.median(|run| run.per_s), 0),
            spread,
            show(scenario.median(|run| run.p50_ms), 2),
            show(scenario.median(|run| run.p99_ms), 2),
            show(scenario.median(|run| run.cpu_us), 0),
            show(scenario.median(|run| run.idle_mib), 1),
            show(scenario.median(|run| run.peak_mib), 1),
            show(scenario.median(|run| run.per_commit), 1),
            show(scenario.median(|run| run.file_bytes), 0),
            show(scenario.median(|run| run.used_bytes), 0),
        );
    }
    println!();
    for scenario in scenarios {
        details(scenario);
    }
    let runs = scenarios.iter().flat_map(|scenario| &scenario.runs);
    let disturbed = runs.clone().filter(|run| run.other_cores > DISTURBED_CORES).count();
    if disturbed > 0 {
        println!(
            "DISTURBED: in {disturbed} of {} runs other programs used more than {DISTURBED_CORES} cores; rates and latencies are theirs too\n",
            runs.count()
        );
    }
    let of = |value: fn(&Decoding) -> f64| median(decoding.iter().map(value).collect());
    println!("one core alone, µs per request:");
    println!(
        "  error event of {:.0} B JSON: gunzip {:.0}, JSON syntax only {:.0}, zstd level 3 {:.0}",
        of(|d| d.json_bytes),
        of(|d| d.gunzip_us),
        of(|d| d.json_us),
        of(|d| d.zstd_us),
    );
    println!("  span batch: prost decode {:.0}, zstd level 3 {:.0}", of(|d| d.protobuf_us), of(|d| d.spans_zstd_us));
}

fn details(scenario: &Scenario) {
    let per_s = scenario.median(|run| run.per_s);
    print!("{}: ", scenario.name);
    if scenario.units > 1.0 {
        let cpu = scenario.median(|run| run.cpu_us) / scenario.units;
        print!("{:.0} {}s/s, {cpu:.2} µs of CPU each; ", per_s * scenario.units, scenario.unit);
    }
    println!(
        "{} requests measured; cores used: server {}, generator {}, other programs {}",
        show(scenario.median(|run| run.requests), 0),
        show(scenario.median(|run| run.cpu_us * run.per_s / 1e6), 2),
        show(scenario.median(|run| run.generator_cores), 2),
        show(scenario.median(|run| run.other_cores), 2),
    );
    let raw = scenario.median(|run| run.raw_per_s);
    if raw.is_finite() {
        println!(
            "  raw limit: {raw:.0} req/s at {:.0} µs of CPU ({:.0} in the kernel); reached {:.0} %",
            scenario.median(|run| run.raw_cpu_us),
            scenario.median(|run| run.raw_system_us),
            per_s / raw * 100.0,
        );
    }
    println!(
        "  of the CPU in the kernel {:.0} µs/req; to the disk {:.0} B/req",
        scenario.median(|run| run.system_us),
        scenario.median(|run| run.written_bytes),
    );
    if let Some(last) = scenario.runs.last() {
        let parts: Vec<String> = last.parts.iter().take(6).map(|(name, bytes)| format!("{name} {bytes:.0}")).collect();
        println!("  on disk, B per {}: {}; {} issues", scenario.unit, parts.join(", "), last.issues);
    }
}

fn show(value: f64, decimals: usize) -> String {
    if value.is_finite() { format!("{value:.decimals$}") } else { "-".to_string() }
}
