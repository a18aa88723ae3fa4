//! What trapline promises of its speed and size, row by row, beside what was measured.
//!
//! Owns how a row is judged and printed. A row whose part of the server does not exist says so instead of passing.

pub struct Figure {
    pub what: String,
    pub target: String,
    pub measured: String,
    /// None when there was nothing to measure.
    pub is_reached: Option<bool>,
}

impl Figure {
    /// Reached when `measured` is at least `target`.
    pub fn at_least(what: impl Into<String>, target: f64, measured: f64, unit: &str) -> Self {
        Self::new(what, format!(">= {}", number(target, unit)), measured, unit, measured >= target)
    }

    /// Reached when `measured` is at most `target`.
    pub fn at_most(what: impl Into<String>, target: f64, measured: f64, unit: &str) -> Self {
        Self::new(what, format!("<= {}", number(target, unit)), measured, unit, measured <= target)
    }

    pub fn missing(what: impl Into<String>, target: &str, why: &str) -> Self {
        Self { what: what.into(), target: target.to_string(), measured: why.to_string(), is_reached: None }
    }

    /// Said behind the number.
    pub fn note(mut self, note: &str) -> Self {
        self.measured.push_str(note);
        self
    }

    fn new(what: impl Into<String>, target: String, measured: f64, unit: &str, is_reached: bool) -> Self {
        let is_reached = measured.is_finite().then_some(is_reached);
        let measured = if measured.is_finite() { number(measured, unit) } else { "not measured".to_string() };
        Self { what: what.into(), target, measured, is_reached }
    }
}

/// As many digits as mean something.
fn number(value: f64, unit: &str) -> String {
    let digits = if value >= 100.0 || value.fract() == 0.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$} {unit}").trim_end().to_string()
}

pub fn print(figures: &[Figure]) {
    let width = figures.iter().map(|figure| figure.what.chars().count()).max().unwrap_or(0);
    println!("\n{:<width$}  {:<14} {:<7} measured", "what", "target", "");
    for Figure { what, target, measured, is_reached } in figures {
        let verdict = match is_reached {
            Some(true) => "ok",
            Some(false) => "SHORT",
            None => "-",
        };
        println!("{what:<width$}  {target:<14} {verdict:<7} {measured}");
    }
}
