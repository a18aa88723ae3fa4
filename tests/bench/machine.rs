//! Where the numbers come from: processor, kernel, disk, and what else is going on.

use std::path::Path;

pub fn describe(data_dir: &Path) -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model =
        cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("?", |(_, m)| m);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = read("/proc/meminfo");
    let memory_kb: f64 = memory.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).unwrap_or(0.0);
    let load = read("/proc/loadavg");
    format!(
        "{cores} cores, {model}, {:.0} GiB; {} {}; data on {}; load average before the start {}",
        memory_kb / 1024.0 / 1024.0,
        std::env::consts::OS,
        read("/proc/sys/kernel/osrelease").trim(),
        filesystem(data_dir),
        load.split(' ').next().unwrap_or("?"),
    )
}

/// The type of the mount that holds `path`. On tmpfs a sync costs nothing and every rate is a lie.
pub fn filesystem(path: &Path) -> String {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let holders = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    let holder = holders.filter(|(point, _)| path.starts_with(point)).max_by_key(|(point, _)| point.len());
    holder.map_or("?", |(_, kind)| kind).to_string()
}
