//! Where an error was seen, as numbers that can be compared: whether two reports within one trace are of one error.
//!
//! Knows neither how a frame is told to be the application's nor how these numbers are kept.

use xxhash_rust::xxh3::xxh3_64;

use crate::model::event::{Event, Exception, Frame};

/// What two reports of one error have in common, whoever made them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sighting {
    /// Of the innermost frame of the application; of all, when none is known to be the application's.
    pub place: Option<i64>,
    /// Of the innermost frame of all.
    pub crash: Option<i64>,
    pub message: i64,
}

impl Sighting {
    /// Of what was raised, for events with an exception; `app_frame` is the place of the innermost frame of the
    /// application among its frames.
    pub fn of(event: &Event, app_frame: Option<usize>) -> Option<Self> {
        let raised = event.exceptions.last()?;
        let ty = last_part(raised.ty.as_deref().unwrap_or_default());
        let place = |frame: &Frame| key(&[ty, file(frame), function(frame), &frame.line.unwrap_or(0).to_string()]);
        let crash = raised.frames.last();
        Some(Self {
            place: app_frame.and_then(|at| raised.frames.get(at)).or(crash).map(place),
            crash: crash.map(place),
            message: key(&[ty, &message(raised)]),
        })
    }

    /// The same place in the code; the same message, when one of the two does not know its place.
    pub fn is_of_same_error(&self, other: &Self) -> bool {
        if self.crash.is_none() || other.crash.is_none() {
            return self.message == other.message;
        }
        // SDKs differ in what they take for the application: whoever knows none of it names the innermost frame.
        let may_know_none = self.place == self.crash || other.place == other.crash;
        self.place == other.place || (may_know_none && self.crash == other.crash)
    }
}

fn key(parts: &[&str]) -> i64 {
    // A character that is in no name, so that no two lists read the same.
    (xxh3_64(parts.join("\0").as_bytes()) >> 1) as i64
}

/// `shop.models.Book.DoesNotExist`, `Book.DoesNotExist` and `DoesNotExist` are told of the same error.
fn last_part(name: &str) -> &str {
    name.rsplit(['.', ':', '\\', '$', '+']).next().unwrap_or(name).trim_start_matches('*')
}

/// One SDK sends a path from the root of the disk, another from that of the application.
fn file(frame: &Frame) -> &str {
    let path = frame.abs_path.as_deref().or(frame.filename.as_deref()).or(frame.module.as_deref()).unwrap_or_default();
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

fn function(frame: &Frame) -> &str {
    let name = frame.function.as_deref().unwrap_or_default();
    name.rsplit(['.', ':', '#', '>']).find(|part| !part.is_empty()).unwrap_or(name)
}

/// OpenTelemetry's logging handler for Python sends `price` where the text of a KeyError is `'price'`.
fn message(exception: &Exception) -> String {
    let value = exception.value.as_deref().unwrap_or_default();
    let line = value.lines().next().unwrap_or_default().trim();
    line.trim_matches(['\'', '"']).chars().take(MESSAGE_CHARS_COMPARED).collect()
}

/// Some SDKs cut what others do not.
const MESSAGE_CHARS_COMPARED: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn raised(ty: &str, value: &str, frames: &[(&str, &str, u64)]) -> Exception {
        let frames = frames.iter().map(|(path, function, line)| Frame {
            abs_path: Some((*path).to_owned()),
            function: Some((*function).to_owned()),
            line: Some(*line),
            ..Frame::default()
        });
        Exception { ty: Some(ty.into()), value: Some(value.into()), frames: frames.collect(), ..Exception::default() }
    }

    fn of(exception: Exception, app_frame: Option<usize>) -> Sighting {
        let event = Event { exceptions: vec![exception], ..crate::model::event::tests::event() };
        Sighting::of(&event, app_frame).unwrap()
    }

    #[test]
    fn one_error_is_known_by_type_and_place_however_its_names_are_written() {
        let view = ("/srv/shop/views.py", "pay", 12);
        let lib = ("/x/site-packages/json/decoder.py", "decode", 3);
        let one = of(raised("shop.errors.Unpaid", "a", &[view]), Some(0));
        assert!(one.is_of_same_error(&of(raised("Unpaid", "b", &[("shop/views.py", "Cart.pay", 12)]), Some(0))));
        for other in [
            raised("Paid", "a", &[view]),
            raised("Unpaid", "a", &[("/srv/shop/views.py", "pay", 13)]),
            raised("Unpaid", "a", &[("/srv/shop/views.py", "refund", 12)]),
            raised("Unpaid", "a", &[("/srv/shop/models.py", "pay", 12)]),
        ] {
            assert!(!one.is_of_same_error(&of(other.clone(), Some(0))), "{other:?}");
        }
        // The same line of the application calls a library; or nobody says what is the application's.
        let deep = of(raised("E", "a", &[view, lib]), Some(0));
        assert!(deep.is_of_same_error(&of(raised("E", "b", &[view]), Some(0))));
        assert!(deep.is_of_same_error(&of(raised("E", "b", &[view, lib]), None)));
        assert!(!deep.is_of_same_error(&of(raised("E", "b", &[("/a.py", "x", 1), lib]), Some(0))));
    }

    #[test]
    fn without_a_place_the_message_tells() {
        let placed = of(raised("KeyError", "'price'", &[("/a.py", "f", 1)]), Some(0));
        let bare = |ty: &str, value: &str| of(raised(ty, value, &[]), None);
        assert!(placed.is_of_same_error(&bare("KeyError", "price")));
        assert!(bare("a.KeyError", "'price'\nnote").is_of_same_error(&placed));
        assert!(!placed.is_of_same_error(&bare("KeyError", "amount")));
        assert!(!placed.is_of_same_error(&bare("OSError", "price")));
    }
}
