//! Names of monitors as addresses have them.

use unicode_normalization::UnicodeNormalization as _;

/// Sentry's own limit: both ends of a job must cut alike.
const SLUG_CHARS_MAX: usize = 50;

/// `My Nightly Job!` is `my-nightly-job`; `None` when nothing is left of it. SDKs send the name as the code has it, so
/// both ends of a job must come out alike here.
pub fn slugify(name: &str) -> Option<String> {
    let mut slug = String::new();
    let mut is_gap = false;
    // Accents come apart and fall away; what is not ASCII then leaves nothing, as Sentry has it.
    for c in name.nfkd().filter(char::is_ascii) {
        let c = c.to_ascii_lowercase();
        if !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')) || c == '-' {
            is_gap = true;
            continue;
        }
        if std::mem::take(&mut is_gap) && !slug.is_empty() {
            slug.push('-');
        }
        slug.push(c);
        if slug.len() >= SLUG_CHARS_MAX {
            slug.truncate(SLUG_CHARS_MAX);
            break;
        }
    }
    (!slug.is_empty()).then(|| slug.trim_end_matches('-').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_slugs_as_sentry_makes_them() {
        let long = format!("{}-{}", "a".repeat(49), "b".repeat(20));
        for (name, slug) in [
            ("My Nightly Job!", "my-nightly-job"),
            ("nightly-report", "nightly-report"),
            ("  shop.tasks.send_mail  ", "shop-tasks-send_mail"),
            ("Tägliche Prüfung", "tagliche-prufung"),
            ("ﬁle №5", "file-no5"),
            ("a--b---c", "a-b-c"),
            ("-a-", "a"),
            ("日本 7", "7"),
            (long.as_str(), &"a".repeat(49)),
        ] {
            assert_eq!(slugify(name).as_deref(), Some(slug), "{name}");
        }
        for nothing in ["", "!!!", "日本", " - "] {
            assert_eq!(slugify(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn a_slug_is_its_own_slug() {
        for name in ["My Nightly Job!", "a_b", &"x y".repeat(40)] {
            let slug = slugify(name).unwrap();
            assert_eq!(slugify(&slug), Some(slug.clone()), "{name}");
            assert!(slug.len() <= SLUG_CHARS_MAX);
        }
    }
}
