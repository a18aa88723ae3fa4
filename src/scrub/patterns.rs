//! Where in a text a secret may start: one table-driven look at every byte, a proper look at the few that qualify.
//!
//! Owns the words of sensitive names. Three tables of 256 masks, one for each of the first three bytes: a place is
//! looked at again only when some pattern allows all three. Knows no JSON.

/// Found anywhere within a name, in either case. Over-matching (`author`, `csrf_token`) is what Sentry does too.
pub(super) const DEFAULT_WORDS: [&str; 13] = [
    "password",
    "secret",
    "passwd",
    "api_key",
    "api-key",
    "apikey",
    "auth",
    "credentials",
    "mysql_pwd",
    "privatekey",
    "private_key",
    "private-key",
    "token",
];

/// Names that are sensitive only as a whole.
pub(super) const DEFAULT_EXACT: [&str; 2] = ["otp", "two-factor"];

/// Words are spread over this many masks, so that a hit is compared with few of them.
const WORD_BUCKETS: usize = 6;
const WORDS: u16 = (1 << WORD_BUCKETS) - 1;
const BEARER: u16 = 1 << 6;
const PEM: u16 = 1 << 7;
const NUMBER: u16 = 1 << 8;
const IBAN: u16 = 1 << 9;
const AT: u16 = 1 << 10;

/// What a place in a text may be the start of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start(u16);

impl Start {
    pub(super) const CARDS: Self = Self(NUMBER);
    pub(super) const WORDS: Self = Self(WORDS);
    pub(super) const EVERYTHING: Self = Self(WORDS | BEARER | PEM | NUMBER | IBAN | AT);

    pub(super) fn is_word(self) -> bool {
        self.0 & WORDS != 0
    }
    pub(super) fn is_bearer(self) -> bool {
        self.0 & BEARER != 0
    }
    pub(super) fn is_pem(self) -> bool {
        self.0 & PEM != 0
    }
    pub(super) fn is_number(self) -> bool {
        self.0 & NUMBER != 0
    }
    pub(super) fn is_iban(self) -> bool {
        self.0 & IBAN != 0
    }
    pub(super) fn is_at(self) -> bool {
        self.0 & AT != 0
    }
}

pub(super) struct Patterns {
    masks: Box<[[u16; 256]; 3]>,
    /// Lower case, never empty.
    words: Vec<Box<[u8]>>,
    exact: Vec<Box<[u8]>>,
    /// Of what is looked for in values besides words.
    values: bool,
}

impl Patterns {
    /// `words` and `exact` in any case; `values`: look for cards, keys and the like, too.
    pub(super) fn new<'w>(words: impl Iterator<Item = &'w str>, exact: &[&str], values: bool) -> Self {
        let words = words.map(lower).filter(|word| !word.is_empty()).collect();
        let exact = exact.iter().map(|word| lower(word)).collect();
        let mut patterns = Self { masks: Box::new([[0; 256]; 3]), words, exact, values };
        for place in 0..patterns.words.len() {
            let word = patterns.words[place].clone();
            patterns.allow(1 << (place % WORD_BUCKETS), &word);
        }
        if values {
            patterns.allow(BEARER, b"bearer");
            patterns.allow(PEM, b"-----");
            for byte in 0..=255_u8 {
                let at = usize::from(byte);
                let within_number = byte.is_ascii_digit() || byte == b'-' || byte.is_ascii_whitespace();
                let rules = [
                    (0, NUMBER, byte.is_ascii_digit()),
                    (1, NUMBER, within_number),
                    (2, NUMBER, within_number),
                    (0, IBAN, byte.is_ascii_uppercase()),
                    (1, IBAN, byte.is_ascii_uppercase()),
                    (2, IBAN, byte.is_ascii_digit()),
                    (0, AT, byte == b'@'),
                    (1, AT, true),
                    (2, AT, true),
                ];
                for (step, mask, allowed) in rules {
                    patterns.masks[step][at] |= if allowed { mask } else { 0 };
                }
            }
        }
        patterns
    }

    fn allow(&mut self, mask: u16, word: &[u8]) {
        for step in 0..3 {
            match word.get(step) {
                Some(byte) => {
                    self.masks[step][usize::from(byte.to_ascii_lowercase())] |= mask;
                    self.masks[step][usize::from(byte.to_ascii_uppercase())] |= mask;
                }
                None => self.masks[step].iter_mut().for_each(|masks| *masks |= mask),
            }
        }
    }

    pub(super) fn looks_at_values(&self) -> bool {
        self.values
    }

    /// The next place at or after `at` that may be the start of something wanted.
    #[inline]
    pub(super) fn next(&self, text: &[u8], mut at: usize, wanted: Start) -> Option<(usize, Start)> {
        let [first, second, third] = &*self.masks;
        while let Some(&[a, b, c]) = text.get(at..at + 3) {
            let mask = first[usize::from(a)] & second[usize::from(b)] & third[usize::from(c)] & wanted.0;
            if mask != 0 {
                return Some((at, Start(mask)));
            }
            at += 1;
        }
        // Past the end every pattern sees NUL.
        while let Some(&a) = text.get(at) {
            let b = text.get(at + 1).copied().unwrap_or_default();
            let mask = first[usize::from(a)] & second[usize::from(b)] & third[0] & wanted.0;
            if mask != 0 {
                return Some((at, Start(mask)));
            }
            at += 1;
        }
        None
    }

    /// The length of the word that starts here.
    pub(super) fn word_at(&self, text: &[u8], at: usize, start: Start) -> Option<usize> {
        let rest = &text[at..];
        for bucket in (0..WORD_BUCKETS).filter(|bucket| start.0 & (1 << bucket) != 0) {
            for word in self.words.iter().skip(bucket).step_by(WORD_BUCKETS) {
                if rest.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word)) {
                    return Some(word.len());
                }
            }
        }
        None
    }

    /// Whether what bears this name is secret.
    pub(super) fn is_sensitive(&self, name: &[u8]) -> bool {
        let mut at = 0;
        while let Some((place, start)) = self.next(name, at, Start::WORDS) {
            if self.word_at(name, place, start).is_some() {
                return true;
            }
            at = place + 1;
        }
        self.exact.iter().any(|word| word.eq_ignore_ascii_case(name))
    }
}

fn lower(word: &str) -> Box<[u8]> {
    word.trim().to_ascii_lowercase().into_bytes().into_boxed_slice()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defaults() -> Patterns {
        Patterns::new(DEFAULT_WORDS.into_iter(), &DEFAULT_EXACT, true)
    }

    #[test]
    fn names_that_are_sensitive() {
        for name in [
            "password",
            "PASSWORD",
            "db_password_2",
            "clientSecret",
            "passwd",
            "api_key",
            "X-Api-Key",
            "myApiKeys",
            "Authorization",
            "oauth",
            "author",
            "secretary",
            "aws_credentials",
            "MYSQL_PWD",
            "privateKey",
            "private_key",
            "ssh-private-key",
            "csrf_token",
            "csrftoken",
            "token_usage",
            "otp",
            "OTP",
            "Two-Factor",
        ] {
            assert!(defaults().is_sensitive(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn names_that_are_not() {
        for name in [
            "",
            "pwd",
            "key",
            "session",
            "sessionid",
            "pass",
            "word",
            "passwor",
            "api",
            "api.key",
            "otps",
            "totp",
            "two-factors",
            "credential",
            "aut",
            "toke",
            "tok en",
            "user",
            "é",
        ] {
            assert!(!defaults().is_sensitive(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn short_words_of_a_projects_own() {
        let own = Patterns::new(["pw", " Ä ", "", "x"].into_iter(), &[], false);
        assert!(own.is_sensitive(b"pw") && own.is_sensitive(b"my_PW") && own.is_sensitive(b"ax"));
        assert!(!own.is_sensitive(b"p") && !own.is_sensitive(b"password"));
    }
}
