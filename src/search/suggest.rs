//! What was probably meant by a word that is not known.

/// The known word that this one is a slip of: one letter too many, too few, wrong, or two swapped.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let word = word.to_lowercase();
    let mut best: Option<(usize, &'k str)> = None;
    for other in known {
        let allowed = if word.chars().count() < 5 { 1 } else { 2 };
        let distance = distance(&word, &other.to_lowercase());
        if distance <= allowed && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, other));
        }
    }
    best.map(|(_, other)| other)
}

/// Whether a name is a known one with a slip among its letters, so near that nobody would choose it for a tag.
pub(super) fn slip_of<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let lower = name.to_lowercase();
    known.into_iter().find(|other| {
        let other = other.to_lowercase();
        let letters = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
        let is_other_number = lower.strip_suffix('s') == Some(&other) || other.strip_suffix('s') == Some(&lower);
        other.len() >= 5
            && lower.len() >= 5
            && lower.as_bytes().first() == other.as_bytes().first()
            && !is_other_number
            && letters(&lower) != letters(&other)
            && distance(&lower, &other) == 1
    })
}

/// Letters put in, left out, changed, or swapped with their neighbour. Long words are far from everything.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    if one.len() > 40 || other.len() > 40 {
        return usize::MAX;
    }
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (row, char) in one.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, against) in other.iter().enumerate() {
            let changed = last[column] + usize::from(char != against);
            let mut least = changed.min(last[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && *char == other[column - 1] && one[row - 1] == *against {
                least = least.min(before_last[column - 1] + 1);
            }
            current.push(least);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_told_from_other_words() {
        assert_eq!(nearest("unresloved", ["resolved", "unresolved"]), Some("unresolved"));
        assert_eq!(nearest("eror", ["error", "ok"]), Some("error"));
        assert_eq!(nearest("blue", ["error", "ok"]), None);
        let known = ["level", "release", "user.id", "transaction"];
        assert_eq!(slip_of("levle", known), Some("level"));
        assert_eq!(slip_of("transacton", known), Some("transaction"));
        for tag in ["user_id", "lever_arm", "releases", "tenant", "bevel", "level"] {
            assert_eq!(slip_of(tag, known), None, "{tag}");
        }
    }
}
