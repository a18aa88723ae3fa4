//! How alike two issues are, and why: by type, by the place in the code, and by the words of their messages.
//!
//! Pure: what issues there are to compare is somebody else's to find. Every part gives a share between 0 and 1; parts that
//! neither of the two has do not count.

use std::collections::BTreeSet;

use crate::model::issue::Issue;

/// What of an issue is compared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Likeness {
    pub ty: Option<String>,
    /// Of the exception, or the message.
    pub text: String,
    pub culprit: String,
    pub filename: Option<String>,
    pub function: Option<String>,
    /// Module or file and function of the frames of the application, innermost first; empty when nobody looked.
    pub frames: Vec<(String, String)>,
}

impl Likeness {
    /// As far as the issue itself tells.
    pub fn of_issue(issue: &Issue) -> Self {
        Self {
            ty: issue.title.ty.clone(),
            text: issue.title.value.clone().unwrap_or_else(|| issue.title.title.clone()),
            culprit: issue.title.culprit.clone(),
            filename: issue.title.filename.clone(),
            function: issue.title.function.clone(),
            frames: Vec::new(),
        }
    }
}

/// How alike two are.
#[derive(Clone, Debug, PartialEq)]
pub struct Similarity {
    /// 0 to 1.
    pub score: f64,
    /// What is alike, the most telling first.
    pub reasons: Vec<String>,
}

const TYPE_WEIGHT: f64 = 0.3;
const PLACE_WEIGHT: f64 = 0.4;
const WORDS_WEIGHT: f64 = 0.3;

/// Shorter ones say little.
const WORD_CHARS_MIN: usize = 3;
/// Words of a text that are looked at.
const WORDS_MAX: usize = 60;
/// Frames that are compared: those nearest to the error.
const FRAMES_MAX: usize = 12;
/// Words named in a reason.
const WORDS_TOLD: usize = 4;
/// A part that is alike by less than this is no reason.
const REASON_SHARE_MIN: f64 = 0.3;

/// How alike `other` is to `one`; the same from both sides.
pub fn compare(one: &Likeness, other: &Likeness) -> Similarity {
    let parts = [
        (TYPE_WEIGHT, compare_types(one, other)),
        (PLACE_WEIGHT, compare_places(one, other)),
        (WORDS_WEIGHT, compare_words(one, other)),
    ];
    let mut reasons: Vec<(f64, String)> = Vec::new();
    let (mut sum, mut weights) = (0.0, 0.0);
    for (weight, part) in parts {
        let Some((share, reason)) = part else { continue };
        sum += weight * share;
        weights += weight;
        if share >= REASON_SHARE_MIN {
            reasons.push((weight * share, reason));
        }
    }
    reasons.sort_by(|one, other| other.0.total_cmp(&one.0));
    let score = if weights > 0.0 { sum / weights } else { 0.0 };
    Similarity { score, reasons: reasons.into_iter().map(|(_, reason)| reason).collect() }
}

fn compare_types(one: &Likeness, other: &Likeness) -> Option<(f64, String)> {
    match (&one.ty, &other.ty) {
        (None, None) => None,
        (Some(one), Some(other)) if one == other => Some((1.0, format!("same type: {one}"))),
        _ => Some((0.0, String::new())),
    }
}

fn compare_places(one: &Likeness, other: &Likeness) -> Option<(f64, String)> {
    if !one.frames.is_empty() && !other.frames.is_empty() {
        return Some(compare_frames(&one.frames, &other.frames));
    }
    let is_same = |one: &Option<String>, other: &Option<String>| one.is_some() && one == other;
    if one.function.is_none() && other.function.is_none() && one.filename.is_none() && other.filename.is_none() {
        let has_none = one.culprit.is_empty() && other.culprit.is_empty();
        let is_same = one.culprit == other.culprit;
        return (!has_none).then(|| if is_same { (0.8, format!("same place: {}", one.culprit)) } else { no_reason() });
    }
    let function = one.function.as_deref().unwrap_or_default();
    let filename = one.filename.as_deref().unwrap_or_default();
    Some(match (is_same(&one.function, &other.function), is_same(&one.filename, &other.filename)) {
        (true, true) => (1.0, format!("same function: {function} in {filename}")),
        (true, false) => (0.5, format!("a function of the same name: {function}")),
        (false, true) => (0.4, format!("same file: {filename}")),
        (false, false) if one.culprit == other.culprit && !one.culprit.is_empty() => {
            (0.3, format!("same place: {}", one.culprit))
        }
        (false, false) => no_reason(),
    })
}

fn no_reason() -> (f64, String) {
    (0.0, String::new())
}

/// The frame nearest to the error counts as much as all the others together.
fn compare_frames(ones: &[(String, String)], others: &[(String, String)]) -> (f64, String) {
    let ones = &ones[..ones.len().min(FRAMES_MAX)];
    let others = &others[..others.len().min(FRAMES_MAX)];
    let (set, other_set): (BTreeSet<_>, BTreeSet<_>) = (ones.iter().collect(), others.iter().collect());
    let common = set.intersection(&other_set).count();
    let all = set.union(&other_set).count();
    let top = f64::from(u8::from(ones[0] == others[0]));
    let share = 0.5 * top + 0.5 * common as f64 / all as f64;
    let (place, function) = &ones[0];
    let reason = match ones[0] == others[0] {
        true if common == all => format!("same frames of the application, down to {function} in {place}"),
        true => format!("fails in the same function: {function} in {place}"),
        false => format!("{common} of {all} frames of the application are the same"),
    };
    (share, reason)
}

fn compare_words(one: &Likeness, other: &Likeness) -> Option<(f64, String)> {
    let (ones, others) = (words(&one.text), words(&other.text));
    if ones.is_empty() && others.is_empty() {
        return None;
    }
    let common: Vec<&str> = ones.intersection(&others).map(String::as_str).collect();
    let share = common.len() as f64 / ones.union(&others).count() as f64;
    let told: Vec<&str> = common.iter().copied().take(WORDS_TOLD).collect();
    let reason = match share >= 1.0 {
        true => "same words in the message".to_string(),
        false => format!("similar message: {}", told.join(", ")),
    };
    Some((share, reason))
}

/// The words of a text that say what it is about: neither numbers nor ids.
pub fn words(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| word.chars().count() >= WORD_CHARS_MIN && !word.chars().any(char::is_numeric))
        .take(WORDS_MAX)
        .map(str::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn likeness(ty: &str, text: &str, function: &str) -> Likeness {
        Likeness {
            ty: Some(ty.to_string()),
            text: text.to_string(),
            culprit: format!("shop.{function}"),
            filename: Some("shop/cart.py".to_string()),
            function: Some(function.to_string()),
            frames: Vec::new(),
        }
    }

    fn frames(names: &[&str]) -> Vec<(String, String)> {
        names.iter().map(|name| ("shop.cart".to_string(), (*name).to_string())).collect()
    }

    #[test]
    fn the_same_bug_with_another_number_is_much_alike() {
        let one = likeness("ValueError", "Invalid voucher BF26 for order 1234", "redeem");
        let other = likeness("ValueError", "Invalid voucher XX99 for order 77", "redeem");
        let found = compare(&one, &other);
        assert_eq!(found.score, 1.0);
        assert_eq!(found.reasons[0], "same function: redeem in shop/cart.py");
        assert!(found.reasons.contains(&"same type: ValueError".to_string()));
        assert!(found.reasons.contains(&"same words in the message".to_string()));
    }

    #[test]
    fn another_bug_is_not_alike_for_a_word_or_a_type() {
        let one = likeness("ValueError", "Invalid voucher", "redeem");
        let type_alone = likeness("ValueError", "year out of range", "parse");
        let type_alone = Likeness { filename: Some("dates.py".to_string()), ..type_alone };
        assert!(compare(&one, &type_alone).score < 0.35);
        let nothing = Likeness { ty: Some("KeyError".to_string()), ..type_alone };
        assert_eq!(compare(&one, &nothing), Similarity { score: 0.0, reasons: Vec::new() });
    }

    #[test]
    fn frames_tell_more_than_the_name_of_one_function() {
        let one = Likeness { frames: frames(&["redeem", "checkout", "view"]), ..likeness("A", "x y", "redeem") };
        let same = Likeness { frames: frames(&["redeem", "pay", "view"]), ..one.clone() };
        let found = compare(&one, &same);
        assert_eq!(found.reasons[0], "fails in the same function: redeem in shop.cart");
        let below = Likeness { frames: frames(&["other", "checkout", "view"]), ..one.clone() };
        assert!(compare(&one, &below).score < found.score);
        assert!(compare(&one, &below).reasons.contains(&"2 of 4 frames of the application are the same".to_string()));
    }

    #[test]
    fn messages_without_a_type_are_compared_by_their_words() {
        let one = Likeness { text: "Payment provider timed out".to_string(), ..Likeness::default() };
        let other = Likeness { text: "payment provider timed out after 30 s".to_string(), ..Likeness::default() };
        let found = compare(&one, &other);
        assert!(found.score > 0.7, "{found:?}");
        assert_eq!(compare(&Likeness::default(), &Likeness::default()).score, 0.0);
    }

    fn any_likeness() -> impl Strategy<Value = Likeness> {
        let frame = ("[ab]", "[a-d]");
        (
            proptest::option::of("[ab]"),
            "\\PC{0,30}",
            "[ab]?",
            proptest::option::of("[ab]"),
            proptest::option::of("[ab]"),
            proptest::collection::vec(frame, 0..20),
        )
            .prop_map(|(ty, text, culprit, filename, function, frames)| Likeness {
                ty,
                text,
                culprit,
                filename,
                function,
                frames,
            })
    }

    proptest! {
        #[test]
        fn any_two_are_as_alike_from_both_sides(one in any_likeness(), other in any_likeness()) {
            let (there, back) = (compare(&one, &other), compare(&other, &one));
            prop_assert!((there.score - back.score).abs() < 1e-9);
            prop_assert!((0.0..=1.0).contains(&there.score));
            prop_assert!(there.reasons.len() <= 3 && there.reasons.iter().all(|reason| !reason.is_empty()));
        }
    }
}
