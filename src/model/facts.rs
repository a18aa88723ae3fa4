//! Facts of an event: the short texts it is searched, counted and filtered by, each under a key.
//!
//! Owns the keys, their names and the bytes facts are carried in. Knows neither how an SDK spells what they are made of nor
//! how they are kept. Everything here was scrubbed before: a fact never says more than the kept event does.

use crate::model::event::{Event, Frame};

macro_rules! fields {
    ($($(#[$meta:meta])* $variant:ident = $name:literal,)*) => {
        /// Keys that every event may have. Numbers stand in the file: new ones go to the end.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Field { $($(#[$meta])* $variant,)* }

        impl Field {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// As it is typed into a search.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

fields! {
    Level = "level",
    Platform = "platform",
    Kind = "event.type",
    Release = "release",
    Dist = "dist",
    Environment = "environment",
    Transaction = "transaction",
    Logger = "logger",
    ServerName = "server_name",
    /// `id:…`, `username:…`, `email:…` or `ip:…`: whoever was affected.
    User = "user",
    UserId = "user.id",
    UserEmail = "user.email",
    UserName = "user.username",
    UserIp = "user.ip",
    HttpMethod = "http.method",
    HttpUrl = "http.url",
    HttpStatusCode = "http.status_code",
    ErrorType = "error.type",
    ErrorValue = "error.value",
    ErrorMechanism = "error.mechanism",
    /// `true` or `false`, of all exceptions of the chain.
    ErrorHandled = "error.handled",
    StackFilename = "stack.filename",
    StackFunction = "stack.function",
    StackModule = "stack.module",
    StackAbsPath = "stack.abs_path",
    StackPackage = "stack.package",
    /// Name and version.
    Browser = "browser",
    BrowserName = "browser.name",
    Os = "os",
    OsName = "os.name",
    Device = "device",
    DeviceFamily = "device.family",
    Runtime = "runtime",
    RuntimeName = "runtime.name",
    SdkName = "sdk.name",
    SdkVersion = "sdk.version",
    Trace = "trace",
    Title = "title",
    Message = "message",
    Culprit = "culprit",
    GeoCountry = "geo.country_code",
    GeoRegion = "geo.region",
    GeoCity = "geo.city",
    HttpReferer = "http.referer",
    /// `true` when a frame is the application's own, `false` when one is not.
    StackInApp = "stack.in_app",
    SpanId = "span.id",
}

impl Field {
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.name() == name)
    }

    /// Long texts that parts are looked for in; all others are names.
    pub fn is_text(self) -> bool {
        matches!(self, Self::ErrorValue | Self::Message | Self::Title)
    }
}

/// Under which name a fact stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactKey<'a> {
    Field(Field),
    Tag(&'a str),
    /// A feature flag.
    Flag(&'a str),
}

impl<'a> FactKey<'a> {
    /// The one text that stands for it: `level`, `tags[tenant]`, `flags[new-cart]`.
    pub fn text(self) -> String {
        match self {
            Self::Field(field) => field.name().to_owned(),
            Self::Tag(name) => format!("tags[{name}]"),
            Self::Flag(name) => format!("flags[{name}]"),
        }
    }

    /// The inverse of [`Self::text`].
    pub fn parse(text: &'a str) -> Option<Self> {
        let within = |before: &str| text.strip_prefix(before).and_then(|rest| rest.strip_suffix(']'));
        if let Some(name) = within("tags[") {
            return Some(Self::Tag(name));
        }
        if let Some(name) = within("flags[") {
            return Some(Self::Flag(name));
        }
        Field::parse(text).map(Self::Field)
    }
}

/// How much of an event becomes facts.
#[derive(Clone, Copy, Debug)]
pub struct FactLimits {
    /// Bytes of one value.
    pub value_bytes: usize,
    /// Bytes of one of the long texts, see [`Field::is_text`].
    pub text_bytes: usize,
    /// Bytes of a name of a tag or flag.
    pub name_bytes: usize,
    /// Different values of one key.
    pub values: usize,
    /// Feature flags.
    pub flags: usize,
    /// Bytes of all of them.
    pub event_bytes: usize,
}

/// Facts in a row, as bytes: for each the number of its key, the name where the number is 0 or 1, and the value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    bytes: Vec<u8>,
}

const TAG: u64 = 0;
const FLAG: u64 = 1;
const FIELDS_FROM: u64 = 2;

impl Facts {
    /// What was read from disk. A part that cannot be read ends it; keys of a later version are passed by.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Adds one, cut to its limit; nothing when the value is empty or there is no more room.
    pub fn push(&mut self, key: FactKey<'_>, value: &str, limits: &FactLimits) {
        let value_max = match key {
            FactKey::Field(field) if field.is_text() => limits.text_bytes,
            _ => limits.value_bytes,
        };
        let value = cut(value.trim(), value_max);
        let name = match key {
            FactKey::Field(_) => "",
            FactKey::Tag(name) | FactKey::Flag(name) => cut(name, limits.name_bytes),
        };
        let is_nameless = !matches!(key, FactKey::Field(_)) && (name.is_empty() || name.contains('\0'));
        if value.is_empty() || is_nameless || self.bytes.len() + name.len() + value.len() + 8 > limits.event_bytes {
            return;
        }
        match key {
            FactKey::Field(field) => self.put_number(FIELDS_FROM + field as u64),
            FactKey::Tag(_) => self.put_number(TAG),
            FactKey::Flag(_) => self.put_number(FLAG),
        }
        if !matches!(key, FactKey::Field(_)) {
            self.put_text(name);
        }
        self.put_text(value);
    }

    fn put_text(&mut self, text: &str) {
        self.put_number(text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn put_number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    pub fn iter(&self) -> FactsIter<'_> {
        FactsIter { rest: &self.bytes }
    }

    /// The first value of a key.
    pub fn get(&self, key: FactKey<'_>) -> Option<&str> {
        self.iter().find(|(known, _)| *known == key).map(|(_, value)| value)
    }

    /// What an event says of itself, but for what its row says anyway ([`Facts::add_row`]).
    pub fn of(event: &Event, limits: &FactLimits) -> Self {
        let mut facts = Self { bytes: Vec::with_capacity(1_024) };
        let mut put = |field: Field, value: Option<&str>| {
            if let Some(value) = value {
                facts.push(FactKey::Field(field), value, limits);
            }
        };
        put(Field::Transaction, event.transaction.as_deref());
        put(Field::Logger, event.logger.as_deref());
        put(Field::ServerName, event.server_name.as_deref());
        put(Field::User, event.user.as_deref());
        put(Field::HttpUrl, event.request_url.as_deref());
        put(Field::Message, event.message.as_ref().map(|message| message.formatted.as_str()));
        if let Some(sdk) = &event.sdk {
            let (name, version) = sdk.split_once('/').map_or((sdk.as_str(), None), |(name, v)| (name, Some(v)));
            put(Field::SdkName, Some(name));
            put(Field::SdkVersion, version);
        }
        // The raised one first: of a long chain its causes are left out.
        let chain = || event.exceptions.iter().rev();
        facts.push_all(Field::ErrorType, chain().filter_map(|e| e.ty.as_deref()), limits);
        facts.push_all(Field::ErrorValue, chain().filter_map(|e| e.value.as_deref()), limits);
        facts.push_all(Field::ErrorMechanism, chain().filter_map(|e| e.mechanism.ty.as_deref()), limits);
        let handled = chain().filter_map(|e| e.mechanism.handled).map(|is| if is { "true" } else { "false" });
        facts.push_all(Field::ErrorHandled, handled, limits);
        for (key, value) in &event.tags {
            facts.push(FactKey::Tag(key), value, limits);
        }
        if let Some(more) = &event.more {
            facts.bytes.extend_from_slice(more.as_bytes());
        }
        facts.push_frames(event, limits);
        facts
    }

    /// Frames of the application first, and of these the ones nearest to the crash.
    fn push_frames(&mut self, event: &Event, limits: &FactLimits) {
        let frames = || {
            event.exceptions.iter().rev().flat_map(|e| e.frames.iter().rev()).chain(event.thread_frames.iter().rev())
        };
        let own = || frames().filter(|frame| frame.in_app == Some(true));
        let others = || frames().filter(|frame| frame.in_app != Some(true));
        let parts: [(Field, FramePart); 5] = [
            (Field::StackFilename, |frame| frame.filename.as_deref()),
            (Field::StackFunction, |frame| frame.function.as_deref()),
            (Field::StackModule, |frame| frame.module.as_deref()),
            (Field::StackAbsPath, |frame| frame.abs_path.as_deref()),
            (Field::StackPackage, |frame| frame.package.as_deref()),
        ];
        for (field, part) in parts {
            self.push_all(field, own().chain(others()).filter_map(part), limits);
        }
        let is_own = own().chain(others()).map(|frame| if frame.in_app == Some(true) { "true" } else { "false" });
        self.push_all(Field::StackInApp, is_own, limits);
    }

    /// Different values of one key, the first ones.
    fn push_all<'v>(&mut self, field: Field, values: impl Iterator<Item = &'v str>, limits: &FactLimits) {
        let mut seen: Vec<&str> = Vec::new();
        for value in values {
            if seen.len() >= limits.values {
                break;
            }
            if !seen.contains(&value) {
                seen.push(value);
                self.push(FactKey::Field(field), value, limits);
            }
        }
    }

    /// What stands in the columns of an event's row.
    pub fn add_row(&mut self, row: &RowFacts<'_>, limits: &FactLimits) {
        let named = [
            (Field::Level, Some(row.level)),
            (Field::Platform, Some(row.platform)),
            (Field::Kind, Some(row.kind)),
            (Field::Release, row.release),
            (Field::Environment, row.environment),
            (Field::Trace, row.trace),
            (Field::SpanId, row.span),
            (Field::Title, Some(row.title)),
            (Field::Culprit, Some(row.culprit)),
        ];
        // Lists are filtered by these: they have room however much else was sent.
        let limits = FactLimits { event_bytes: usize::MAX, ..*limits };
        for (field, value) in named {
            if let Some(value) = value {
                self.push(FactKey::Field(field), value, &limits);
            }
        }
    }
}

/// What the row of an event says.
#[derive(Clone, Copy, Debug, Default)]
pub struct RowFacts<'a> {
    pub level: &'a str,
    pub platform: &'a str,
    pub kind: &'a str,
    pub release: Option<&'a str>,
    pub environment: Option<&'a str>,
    /// In hex.
    pub trace: Option<&'a str>,
    pub span: Option<&'a str>,
    pub title: &'a str,
    pub culprit: &'a str,
}

/// What is read of a frame.
type FramePart = fn(&Frame) -> Option<&str>;

/// At most so many bytes, whole characters.
fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

pub struct FactsIter<'a> {
    rest: &'a [u8],
}

impl<'a> FactsIter<'a> {
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn text(&mut self) -> Option<&'a str> {
        let len = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        std::str::from_utf8(text).ok()
    }

    fn fact(&mut self) -> Option<Option<(FactKey<'a>, &'a str)>> {
        if self.rest.is_empty() {
            return None;
        }
        let key = match self.number()? {
            TAG => Some(FactKey::Tag(self.text()?)),
            FLAG => Some(FactKey::Flag(self.text()?)),
            number => {
                let place = usize::try_from(number - FIELDS_FROM).ok()?;
                Field::ALL.get(place).copied().map(FactKey::Field)
            }
        };
        let value = self.text()?;
        Some(key.map(|key| (key, value)))
    }
}

impl<'a> Iterator for FactsIter<'a> {
    type Item = (FactKey<'a>, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.fact() {
                Some(Some(fact)) => return Some(fact),
                Some(None) => {}
                None => {
                    self.rest = &[];
                    return None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::event::Exception;
    use crate::model::event::tests::event;

    pub(crate) const LIMITS: FactLimits =
        FactLimits { value_bytes: 8, text_bytes: 16, name_bytes: 8, values: 2, flags: 4, event_bytes: 400 };

    #[test]
    fn keys_are_texts_and_back() {
        for field in Field::ALL {
            assert_eq!(FactKey::parse(field.name()), Some(FactKey::Field(*field)));
        }
        for key in [FactKey::Tag("a]b"), FactKey::Flag(""), FactKey::Tag("level")] {
            assert_eq!(FactKey::parse(&key.text()), Some(key));
        }
        assert_eq!(FactKey::parse("nothing"), None);
    }

    #[test]
    fn values_are_cut_and_counted() {
        let frame =
            |name: &str, in_app| Frame { function: Some(name.to_owned()), in_app: Some(in_app), ..Frame::default() };
        let raised = Exception {
            ty: Some("KeyError".to_owned()),
            value: Some("'a very long value of an error'".to_owned()),
            frames: vec![frame("main", true), frame("view", true), frame("view", true), frame("lib", false)],
            ..Exception::default()
        };
        let cause = Exception { ty: Some("OSError".to_owned()), ..Exception::default() };
        let event = Event {
            tags: vec![("tenant".to_owned(), "größenwahn".to_owned()), (String::new(), "x".to_owned())],
            exceptions: vec![cause, raised],
            ..event()
        };
        let facts = Facts::of(&event, &LIMITS);
        let all: Vec<(String, &str)> = facts.iter().map(|(key, value)| (key.text(), value)).collect();
        assert_eq!(
            all,
            [
                ("error.type".to_owned(), "KeyError"),
                ("error.type".to_owned(), "OSError"),
                ("error.value".to_owned(), "'a very long val"),
                ("tags[tenant]".to_owned(), "größen"),
                ("stack.function".to_owned(), "view"),
                ("stack.function".to_owned(), "main"),
                ("stack.in_app".to_owned(), "true"),
                ("stack.in_app".to_owned(), "false"),
            ]
        );
    }

    #[test]
    fn what_the_row_says_has_room_however_much_was_sent() {
        let mut facts = Facts::default();
        for number in 0..1_000 {
            facts.push(FactKey::Tag("t"), &number.to_string(), &LIMITS);
        }
        assert!(facts.as_bytes().len() <= LIMITS.event_bytes);
        facts.add_row(&RowFacts { level: "error", title: "oh", ..RowFacts::default() }, &LIMITS);
        assert_eq!(facts.get(FactKey::Field(Field::Level)), Some("error"));
        assert_eq!(facts.get(FactKey::Field(Field::Title)), Some("oh"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_their_end(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Facts::from_bytes(bytes).iter().count();
        }

        #[test]
        fn facts_come_back(pairs in prop::collection::vec(("[a-z]{1,8}", "[a-zé]{1,4}"), 0..8)) {
            let mut facts = Facts::default();
            for (name, value) in &pairs {
                facts.push(FactKey::Tag(name), value, &LIMITS);
            }
            let read: Vec<(String, String)> = facts.iter().map(|(key, value)| (key.text(), value.to_owned())).collect();
            let sent: Vec<(String, String)> = pairs.iter().map(|(n, v)| (format!("tags[{n}]"), v.clone())).collect();
            prop_assert_eq!(read, sent);
        }
    }
}
