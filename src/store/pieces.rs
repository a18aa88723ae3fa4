//! A large request in pieces: each is a commit's worth, and others are served between two of them.
//!
//! Owns what counts as large. Knows nothing of the queue: the pieces are appended one after the other, and the request is
//! answered when all are on disk. Whoever is told that it failed sends it again, and what is there changes nothing.

use super::write::Write;
use crate::config::PIECE_ROWS_MAX;

impl Write {
    /// Rows it touches, roughly: what takes the writer's time.
    fn rows(&self) -> usize {
        match self {
            Self::Event(_) => 8,
            Self::Spans(spans) => 1 + spans.parts.len(),
            Self::Sessions(sessions) => 1 + sessions.updates.len() + sessions.buckets.len(),
            Self::Logs(logs) => 1 + logs.traces.len() + logs.minutes.len(),
            Self::Metrics(metrics) => 1 + metrics.parts.len(),
            _ => 1,
        }
    }

    /// Adds to a counter whenever it is written: comes last, when all the rest is there.
    fn is_count(&self) -> bool {
        matches!(self, Self::Outcome(_) | Self::Dropped(_) | Self::KeyUse(_))
    }
}

/// All of it as it is, unless it is large.
pub(super) fn in_pieces(mut writes: Vec<Write>) -> Vec<Vec<Write>> {
    if writes.iter().map(Write::rows).sum::<usize>() <= PIECE_ROWS_MAX {
        return vec![writes];
    }
    writes.sort_by_key(Write::is_count);
    let mut pieces: Vec<Vec<Write>> = Vec::new();
    let mut room = 0;
    for write in writes {
        let rows = write.rows();
        match pieces.last_mut().filter(|_| rows <= room) {
            Some(piece) => piece.push(write),
            None => {
                pieces.push(vec![write]);
                room = PIECE_ROWS_MAX;
            }
        }
        room = room.saturating_sub(rows);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::ProjectId;
    use crate::store::OutcomeWrite;
    use crate::store::releases::ReleaseSeen;

    fn outcome() -> Write {
        Write::Outcome(OutcomeWrite {
            project_id: ProjectId(1),
            received_ms: 1,
            category: "span".to_string(),
            reason: "accepted",
            quantity: 1,
        })
    }

    fn row() -> Write {
        Write::Releases(Vec::<ReleaseSeen>::new())
    }

    #[test]
    fn only_what_is_large_is_divided_and_counts_come_last() {
        let few = in_pieces(vec![outcome(), row()]);
        assert!(few.len() == 1 && few[0][0].is_count());
        let many = (0..PIECE_ROWS_MAX).map(|_| row());
        let pieces = in_pieces(std::iter::once(outcome()).chain(many).collect());
        assert_eq!(pieces.iter().map(Vec::len).collect::<Vec<_>>(), [PIECE_ROWS_MAX, 1]);
        assert!(pieces[1][0].is_count());
    }
}
