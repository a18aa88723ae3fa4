//! Versions of releases, so far that they can be told apart by age: `shop@1.10.0+7` is newer than `shop@1.9.0`.

use std::cmp::Ordering;

/// Numbers between dots, and what stands behind a dash.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    numbers: Vec<u64>,
    /// `rc.1`: older than the version without it.
    pre_release: Option<String>,
}

/// Numbers of a version; more are something else.
const NUMBERS_MAX: usize = 6;

impl Version {
    /// `1.2`, `v1.2.3-rc.1`; what follows a plus is of no weight.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.split('+').next().unwrap_or_default();
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let (numbers, pre_release) = match text.split_once('-') {
            Some((numbers, pre_release)) => {
                let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
                if pre_release.is_empty() || !pre_release.bytes().all(is_plain) {
                    return None;
                }
                (numbers, Some(pre_release.to_string()))
            }
            None => (text, None),
        };
        let mut parsed = Vec::new();
        for number in numbers.split('.') {
            if number.is_empty() || parsed.len() == NUMBERS_MAX || !number.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            parsed.push(number.parse().ok()?);
        }
        while parsed.len() > 1 && parsed.last() == Some(&0) {
            parsed.pop();
        }
        Some(Self { numbers: parsed, pre_release })
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_numbers = || {
            let count = self.numbers.len().max(other.numbers.len());
            let number = |version: &Self, place: usize| version.numbers.get(place).copied().unwrap_or(0);
            (0..count).map(|place| number(self, place).cmp(&number(other, place))).find(|order| order.is_ne())
        };
        by_numbers().unwrap_or_else(|| match (&self.pre_release, &other.pre_release) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(one), Some(other)) => compare_pre_release(one, other),
        })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Part by part; numbers by size and before words.
fn compare_pre_release(one: &str, other: &str) -> Ordering {
    let parts = |text: &str| -> Vec<(u8, u64, String)> {
        let part = |part: &str| match part.parse() {
            Ok(number) => (0, number, part.to_string()),
            Err(_) => (1, 0, part.to_string()),
        };
        text.split(['.', '-']).map(part).collect()
    };
    parts(one).cmp(&parts(other))
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let numbers: Vec<String> = self.numbers.iter().map(u64::to_string).collect();
        f.write_str(&numbers.join("."))?;
        match &self.pre_release {
            Some(pre_release) => write!(f, "-{pre_release}"),
            None => Ok(()),
        }
    }
}

/// A release taken apart: `package@version+build`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReleaseName<'a> {
    pub package: Option<&'a str>,
    /// Without the build.
    pub version: &'a str,
    pub build: Option<&'a str>,
}

impl<'a> ReleaseName<'a> {
    pub fn of(release: &'a str) -> Self {
        let (package, rest) = match release.rsplit_once('@') {
            Some((package, rest)) if !package.is_empty() => (Some(package), rest),
            _ => (None, release),
        };
        let (version, build) = match rest.split_once('+') {
            Some((version, build)) if !build.is_empty() => (version, Some(build)),
            _ => (rest, None),
        };
        Self { package, version, build }
    }

    pub fn parsed(&self) -> Option<Version> {
        Version::parse(self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_people_mean_them() {
        let rising =
            ["0.9", "1", "1.2-alpha", "1.2-rc.1", "1.2-rc.2", "1.2-rc.10", "1.2", "1.9.3", "1.10", "2026.11.1"];
        let versions: Vec<Version> = rising.iter().map(|text| Version::parse(text).unwrap()).collect();
        assert!(versions.is_sorted_by(|one, next| one < next), "{versions:?}");
        assert_eq!(Version::parse("v1.2.0"), Version::parse("1.2+build.7"));
        for text in ["", "latest", "1..2", "1.x", "a1b2c3", "1.2.3.4.5.6.7", "99999999999999999999", "1-"] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
        for version in &versions {
            assert_eq!(Version::parse(&version.to_string()).as_ref(), Some(version));
        }
    }

    #[test]
    fn a_release_has_a_package_a_version_and_a_build() {
        let of = |text| {
            let name = ReleaseName::of(text);
            (name.package, name.version, name.build)
        };
        assert_eq!(of("shop@1.2.0+7"), (Some("shop"), "1.2.0", Some("7")));
        assert_eq!(of("1.2.0"), (None, "1.2.0", None));
        assert_eq!(of("@app/web@2"), (Some("@app/web"), "2", None));
        assert_eq!(of("8f3a21bc"), (None, "8f3a21bc", None));
    }
}
