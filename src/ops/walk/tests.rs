use std::collections::BTreeSet;
use std::sync::Mutex;

use proptest::prelude::*;

use super::*;
use crate::domain::object::Entry;

/// A server with its quirks, and what it was asked.
#[derive(Debug, Default)]
struct Server {
    keys: BTreeSet<String>,
    page: usize,
    /// Does not know `start-after`.
    deaf: bool,
    /// Denies listings with a delimiter.
    flat_only: bool,
    /// Answers this question with an error.
    breaks_at: Option<usize>,
    /// So many questions are answered with SlowDown.
    busy: Mutex<usize>,
    asked: Mutex<Vec<Question>>,
    /// How often an answer was waited for, when all that are asked at the same time come at the same time.
    rounds: Arc<Mutex<usize>>,
}

impl Server {
    fn of(keys: impl IntoIterator<Item = String>, page: usize) -> Self {
        Self { keys: keys.into_iter().collect(), page, ..Self::default() }
    }

    fn answer(&self, question: &Question) -> Result<Page> {
        let number = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(question.clone());
            asked.len()
        };
        let refuse = |code: &str| {
            Err(Error::Aws { action: String::new(), code: code.into(), message: String::new(), hint: None })
        };
        if self.breaks_at == Some(number) {
            return refuse("InternalError");
        }
        {
            let mut busy = self.busy.lock().unwrap();
            if *busy > 0 {
                *busy -= 1;
                return refuse("SlowDown");
            }
        }
        let by_level = question.depth == Depth::Level;
        if by_level && self.flat_only {
            let (action, resource, message) = Default::default();
            return Err(Error::Denied { action, resource, message, hint: None });
        }
        let mut from = match &question.next {
            Next::Token(token) => token.clone(),
            Next::After(cut) if !self.deaf => cut.start_after(),
            _ => String::new(),
        };
        let mut page = Page::default();
        let prefix = &question.prefix;
        let mut objects = Vec::new();
        for key in self.keys.iter().filter(|key| key.starts_with(prefix.as_str())) {
            let common =
                key[prefix.len()..].find('/').filter(|_| by_level).map(|slash| &key[..prefix.len() + slash + 1]);
            let is_done = *key <= from || common.is_some_and(|common| from == format!("{common}{}", char::MAX));
            if is_done || common.is_some_and(|common| from.starts_with(common) && from.ends_with('!')) {
                continue;
            }
            if page.entries.len() + objects.len() == self.page {
                page.next = Some(from);
                break;
            }
            match common {
                Some(common) => {
                    page.entries.push(Entry::Prefix(common.to_owned()));
                    // No key of these tests is behind it.
                    from = format!("{common}{}", char::MAX);
                }
                None => {
                    objects.push(Entry::Object(Object { key: key.clone(), ..Object::default() }));
                    from.clone_from(key);
                }
            }
        }
        page.entries.extend(objects);
        Ok(page)
    }

    /// All that a walk gives, and how it ends.
    fn walk(self: &Arc<Self>, prefix: &str) -> (Vec<String>, Result<()>) {
        self.walk_with(prefix, Stretch::flat)
    }

    /// The same of one level.
    fn walk_level(self: &Arc<Self>, prefix: &str) -> (Vec<String>, Result<()>) {
        self.walk_with(prefix, Stretch::level)
    }

    fn walk_with(
        self: &Arc<Self>,
        prefix: &str,
        stretch: fn(String, Range, bool) -> Stretch,
    ) -> (Vec<String>, Result<()>) {
        let server = Arc::clone(self);
        let ask: Ask = Arc::new(move |question| {
            let server = Arc::clone(&server);
            // An answer comes in the round after the one that it was asked in.
            let round = *server.rounds.lock().unwrap() + 1;
            Box::pin(async move {
                // Answers overtake each other.
                for _ in 0..question.prefix.len() % 5 {
                    tokio::task::yield_now().await;
                }
                let mut now = server.rounds.lock().unwrap();
                *now = round.max(*now);
                drop(now);
                server.answer(&question)
            })
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut walk = Walk { pause: Duration::ZERO, ..Walk::of(ask, prefix.to_owned(), false, stretch) };
            let mut keys = Vec::new();
            loop {
                match walk.next().await {
                    Ok(Some(objects)) => keys.extend(objects.into_iter().map(|object| object.key)),
                    Ok(None) => return (keys, Ok(())),
                    Err(error) => {
                        assert!(walk.next().await.unwrap().is_none(), "there is more after an error");
                        return (keys, Err(error));
                    }
                }
            }
        })
    }

    fn below(&self, prefix: &str) -> Vec<String> {
        self.keys.iter().filter(|key| key.starts_with(prefix)).cloned().collect()
    }

    /// What stands on the level of a prefix: objects, and prefixes in their places.
    fn level(&self, prefix: &str) -> Vec<String> {
        let whole = |key: &String| match key[prefix.len()..].find('/') {
            Some(slash) => key[..prefix.len() + slash + 1].to_owned(),
            None => key.clone(),
        };
        let mut names: Vec<String> = self.below(prefix).iter().map(whole).collect();
        names.dedup();
        names
    }

    fn questions(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

/// Keys of many shapes, and the most questions that they are worth with pages of ten.
fn shapes() -> Vec<(&'static str, Vec<String>, usize)> {
    let numbers = |prefix: &str, count: usize| (0..count).map(|n| format!("{prefix}{n:05}")).collect::<Vec<_>>();
    let tree = |width: usize, each: usize| {
        (0..width).flat_map(|n| (0..each).map(move |m| format!("d{n:03}/{m:03}"))).collect::<Vec<_>>()
    };
    let hex = (0..3000_u64).map(|n| format!("{:08x}", n.wrapping_mul(2_654_435_761) & 0xffff_ffff)).collect();
    let dates =
        (1..=365).flat_map(|day| (0..8).map(move |n| format!("log/2026-{:02}-{:02}-{n}", day / 31 + 1, day % 31 + 1)));
    let mut mixed = tree(20, 15);
    mixed.extend(numbers("", 50));
    mixed.extend(numbers("z/deep/down/", 200));
    mixed.extend(["d000/", "d000", "d0000", "d005/014x", "日本/語", "z", "z/"].map(str::to_owned));
    vec![
        ("nothing", vec![], 1),
        ("a page", numbers("a/", 10), 1),
        ("a page and one", numbers("a/", 11), 5),
        ("one level of numbers", numbers("a/", 3000), 700),
        ("prefixes of a page each", tree(200, 10), 230),
        ("small prefixes", tree(500, 1), 150),
        ("long prefixes", tree(5, 300), 400),
        ("hexadecimal digits", hex, 700),
        ("dates", dates.collect(), 700),
        ("all sorts", mixed, 250),
    ]
}

#[test]
fn every_key_comes_once_and_in_order() {
    for (name, keys, most) in shapes() {
        let server = Arc::new(Server::of(keys, 10));
        let (found, end) = server.walk("");
        end.unwrap();
        assert_eq!(found, server.below(""), "{name}");
        assert!(server.questions() <= most, "{name}: {} questions", server.questions());
    }
}

#[test]
fn long_listings_are_read_in_parallel() {
    for (name, keys, _) in shapes().into_iter().filter(|(_, keys, _)| keys.len() >= 1000) {
        let server = Arc::new(Server::of(keys, 10));
        server.walk("").1.unwrap();
        // What one page after the other takes, and what it took when each answer takes the same time.
        let (serial, rounds) = (server.keys.len() / 10, *server.rounds.lock().unwrap());
        assert!(2 * rounds < serial, "{name}: {rounds} rounds for {serial} pages");
    }
}

#[test]
fn quirks_of_servers_and_roles_cost_no_key() {
    for (name, keys, _) in shapes() {
        for quirk in [
            Server { deaf: true, ..Server::default() },
            Server { flat_only: true, ..Server::default() },
            Server { deaf: true, flat_only: true, ..Server::default() },
            Server { busy: Mutex::new(5), ..Server::default() },
        ] {
            let server = Arc::new(Server { keys: keys.iter().cloned().collect(), page: 10, ..quirk });
            let (found, end) = server.walk("");
            end.unwrap();
            assert_eq!(found, server.below(""), "{name}");
        }
    }
}

#[test]
fn an_error_comes_behind_what_was_before_it() {
    for (name, keys, _) in shapes() {
        for breaks_at in [1, 2, 3, 5, 8, 13, 40] {
            let server = Arc::new(Server { breaks_at: Some(breaks_at), ..Server::of(keys.clone(), 10) });
            let (found, end) = server.walk("");
            let whole = server.below("");
            assert_eq!(found, whole[..found.len()], "{name} {breaks_at}");
            assert!(end.is_err() == (server.questions() >= breaks_at), "{name} {breaks_at}: {end:?}");
            assert!(end.is_err() || found == whole, "{name} {breaks_at}");
        }
    }
}

#[test]
fn a_level_comes_in_order_and_a_long_one_in_parallel() {
    for (name, keys, _) in shapes() {
        for prefix in ["", "a/", "d000", "d000/", "log/"] {
            for (deaf, busy) in [(false, 0), (true, 0), (false, 5)] {
                let server = Server { deaf, busy: Mutex::new(busy), ..Server::of(keys.clone(), 10) };
                let server = Arc::new(server);
                let (found, end) = server.walk_level(prefix);
                end.unwrap();
                let whole = server.level(prefix);
                assert_eq!(found, whole, "{name} {prefix}");
                let (rounds, serial) = (*server.rounds.lock().unwrap(), whole.len() / 10);
                let is_fast = 2 * rounds < serial || serial < 100 || deaf || busy > 0;
                assert!(is_fast, "{name} {prefix}: {rounds} rounds for {serial} pages");
            }
        }
    }
    // Who may not list with a delimiter is told so.
    let server = Arc::new(Server { flat_only: true, ..Server::of(["a/b".to_owned()], 10) });
    assert!(matches!(server.walk_level(""), (found, Err(Error::Denied { .. })) if found.is_empty()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_keys_come_once_and_in_order(
        keys in prop::collection::btree_set("[ab0-3/.é]{1,6}|[0-9a-f]{3}|x/[0-9]{2,3}|[a-c]/[a-c]/[0-9]{1,3}", 0..400),
        page in 1_usize..20,
        prefix in prop::sample::select(vec!["", "a", "a/", "x/", "0"]),
        deaf: bool,
        flat_only: bool,
    ) {
        let server = Arc::new(Server { deaf, flat_only, ..Server { keys, page, ..Server::default() } });
        let (found, end) = server.walk(prefix);
        end.unwrap();
        prop_assert_eq!(found, server.below(prefix));
        if !server.flat_only {
            let (found, end) = server.walk_level(prefix);
            end.unwrap();
            prop_assert_eq!(found, server.level(prefix));
        }
    }
}
