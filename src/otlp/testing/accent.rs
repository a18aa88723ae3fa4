//! The same JSON as other producers write it: numbers as text and text as numbers, whole floats, hex in the other case,
//! `null` for nothing, enums by name, fields nobody knows.

use serde_json::{Map, Value as Tree, json};

/// Rewrites a request, each place in a way that `seed` decides. What it means stays the same.
pub(super) fn accented(json: &str, seed: u64) -> String {
    let tree = serde_json::from_str(json).expect("our own encoder's");
    Accent(seed).value("", tree).to_string()
}

struct Accent(u64);

impl Accent {
    /// SplitMix64.
    fn chance(&mut self, of: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (z ^ (z >> 27)) % of
    }

    fn value(&mut self, name: &str, tree: Tree) -> Tree {
        match tree {
            Tree::Object(fields) => self.object(fields),
            Tree::Array(items) if items.is_empty() && name != "values" && self.chance(3) == 0 => json!({}),
            Tree::Array(items) => items.into_iter().map(|item| self.value(name, item)).collect(),
            Tree::String(text) if name.ends_with("Id") && self.chance(2) == 0 => json!(text.to_ascii_lowercase()),
            Tree::String(text) if is_whole(name) => self.whole(&text),
            Tree::Number(number) if ENUMS.iter().any(|(field, ..)| *field == name) => self.enumeration(name, &number),
            Tree::Number(number) if is_float(name) && self.chance(3) == 0 => json!(number.to_string()),
            other => other,
        }
    }

    fn object(&mut self, fields: Map<String, Tree>) -> Tree {
        let mut out = Map::new();
        for (name, value) in fields {
            if self.chance(6) == 0 {
                out.insert(format!("unknown{}", out.len()), json!({ "a": [1, null, { "b": "c" }] }));
            }
            let is_nothing = value == json!([]) || value == json!("0") && is_whole(&name) && !is_value(&name);
            let value = if is_nothing && self.chance(3) == 0 { Tree::Null } else { self.value(&name, value) };
            out.insert(name, value);
        }
        Tree::Object(out)
    }

    fn whole(&mut self, text: &str) -> Tree {
        let number: i128 = text.parse().expect("digits");
        let is_exact = number.unsigned_abs() < 1 << 53;
        match self.chance(4) {
            0 if number < 0 => json!(number as i64),
            0 => json!(number as u64),
            1 if is_exact => json!(number as f64),
            2 if is_exact => json!(format!("{number}.0")),
            _ => json!(text),
        }
    }

    fn enumeration(&mut self, name: &str, number: &serde_json::Number) -> Tree {
        let known = ENUMS.iter().find(|(field, value, _)| *field == name && number.as_i64() == Some(*value));
        match (self.chance(3), known) {
            (0, Some((.., word))) => json!(word),
            (1, _) => json!(number.to_string()),
            _ => json!(number),
        }
    }
}

const ENUMS: [(&str, i64, &str); 9] = [
    ("kind", 2, "SPAN_KIND_SERVER"),
    ("kind", 5, "SPAN_KIND_CONSUMER"),
    ("code", 2, "STATUS_CODE_ERROR"),
    ("severityNumber", 9, "SEVERITY_NUMBER_INFO"),
    ("severityNumber", 17, "SEVERITY_NUMBER_ERROR"),
    ("severityNumber", 24, "SEVERITY_NUMBER_FATAL4"),
    ("aggregationTemporality", 0, "AGGREGATION_TEMPORALITY_UNSPECIFIED"),
    ("aggregationTemporality", 1, "AGGREGATION_TEMPORALITY_DELTA"),
    ("aggregationTemporality", 2, "AGGREGATION_TEMPORALITY_CUMULATIVE"),
];

/// 64-bit integers, which are text by the book.
pub(super) fn is_whole(name: &str) -> bool {
    name.ends_with("UnixNano") || ["intValue", "asInt", "count", "zeroCount", "bucketCounts"].contains(&name)
}

fn is_float(name: &str) -> bool {
    ["doubleValue", "asDouble", "sum", "min", "max", "explicitBounds", "zeroThreshold"].contains(&name)
}

/// Fields in which zero is not nothing.
fn is_value(name: &str) -> bool {
    name.ends_with("Value") || ["asInt", "asDouble"].contains(&name)
}
