//! Issues that may be like another one: found by the index of what issues are called, so that none has to be read that
//! shares nothing with it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rusqlite::{Connection, named_params};

use super::super::issues::{ISSUE_COLUMNS, issue_from_row};
use super::super::{Store, StoreError};
use crate::config::{SIMILAR_CANDIDATES_MAX, SIMILAR_MS_MAX};
use crate::model::issue::Issue;
use crate::model::similar::{Likeness, Similarity, compare, words};

/// An issue and how alike it is.
#[derive(Clone, Debug, PartialEq)]
pub struct SimilarIssue {
    pub issue: Issue,
    pub similarity: Similarity,
}

impl Store {
    /// Issues of the same project that are like one, the most alike first, `limit` at most.
    pub async fn similar_issues(&self, issue: Issue, limit: usize) -> Result<Vec<SimilarIssue>, StoreError> {
        self.readers.run(move |connection| read_similar(connection, &issue, limit)).await
    }
}

fn read_similar(connection: &Connection, issue: &Issue, limit: usize) -> Result<Vec<SimilarIssue>, StoreError> {
    let deadline = Instant::now() + Duration::from_millis(SIMILAR_MS_MAX);
    let likeness = Likeness::of_issue(issue);
    let mut seen: BTreeSet<i64> = BTreeSet::from([issue.id.0]);
    let mut found: Vec<SimilarIssue> = Vec::new();
    let sql = format!(
        "SELECT {ISSUE_COLUMNS} FROM issue_search CROSS JOIN issue
             ON issue.project_id = :project_id AND issue.short_no = issue_search.rowid & 1099511627775
         WHERE issue_search MATCH :wanted AND issue_search.rowid BETWEEN :project_id << 40 AND (:project_id + 1 << 40) - 1
             AND merged_into IS NULL AND deleted_ms IS NULL
         ORDER BY issue_search.rowid DESC LIMIT :limit"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    for wanted in questions(&likeness) {
        let params = named_params! {
            ":project_id": issue.project_id.0, ":wanted": wanted, ":limit": SIMILAR_CANDIDATES_MAX as i64,
        };
        let mut rows = statement.query(params)?;
        while let Some(row) = rows.next()? {
            if seen.insert(row.get(0)?) {
                let other = issue_from_row(row)?;
                let similarity = compare(&likeness, &Likeness::of_issue(&other));
                found.push(SimilarIssue { issue: other, similarity });
            }
            if Instant::now() > deadline {
                break;
            }
        }
        if Instant::now() > deadline {
            break;
        }
    }
    found.sort_by(|one, other| {
        let by_score = other.similarity.score.total_cmp(&one.similarity.score);
        by_score.then_with(|| other.issue.last_seen_ms.cmp(&one.issue.last_seen_ms))
    });
    found.truncate(limit);
    Ok(found)
}

/// What the index is asked, the most telling first.
fn questions(likeness: &Likeness) -> Vec<String> {
    let of = |text: &str| {
        let text = text.trim().to_lowercase();
        // Three characters are the least the index knows, and a NUL would end the question.
        let is_known = text.chars().nth(2).is_some() && !text.contains('\0');
        is_known.then(|| format!("\"{}\"", text.replace('"', "\"\"")))
    };
    let ty = likeness.ty.as_deref().and_then(of);
    let function = likeness.function.as_deref().and_then(of);
    let culprit = Some(likeness.culprit.as_str()).and_then(of);
    // The longest words say most.
    let mut longest: Vec<String> = words(&likeness.text).into_iter().collect();
    longest.sort_by_key(|word| (std::cmp::Reverse(word.chars().count()), word.clone()));
    let word: Vec<String> = longest.iter().filter_map(|word| of(word)).take(3).collect();
    let both = |one: &Option<String>, other: &Option<String>| {
        one.as_ref().zip(other.as_ref()).map(|(one, other)| format!("{one} AND {other}"))
    };
    let all_words = (!word.is_empty()).then(|| word.join(" AND "));
    let any_word = (!word.is_empty()).then(|| word.join(" OR "));
    [
        both(&ty, &function),
        all_words.clone(),
        both(&ty, &any_word.as_ref().map(|any| format!("({any})"))),
        function,
        culprit,
        any_word,
        ty,
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_asked_the_most_telling_first() {
        let likeness = Likeness {
            ty: Some("KeyError".to_string()),
            text: "'sku' of order 12 is \"missing\"".to_string(),
            culprit: "/cart/".to_string(),
            function: Some("add".to_string()),
            ..Likeness::default()
        };
        let questions = questions(&likeness);
        assert_eq!(questions[0], "\"keyerror\" AND \"add\"");
        assert_eq!(questions[1], "\"missing\" AND \"order\" AND \"sku\"");
        assert_eq!(questions.last().unwrap(), "\"keyerror\"");
    }

    #[test]
    fn nothing_that_is_asked_means_anything_to_the_index() {
        let likeness =
            Likeness { ty: Some("a\"b OR c*".to_string()), text: "\0\0\0".to_string(), ..Likeness::default() };
        assert_eq!(questions(&likeness), ["\"a\"\"b or c*\""]);
        assert_eq!(self::questions(&Likeness { ty: Some("ab".to_string()), ..Likeness::default() }), [""; 0]);
    }
}
