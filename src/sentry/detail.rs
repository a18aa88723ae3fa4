//! placeholder until merged
use crate::model::detail::EventDetail;
pub fn event_detail(_body: &[u8]) -> EventDetail { EventDetail::default() }
