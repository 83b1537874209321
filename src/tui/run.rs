//! The loop: wait for something to happen, change the state, do what it asks for, draw when nothing is left to do.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use crossterm::clipboard::CopyToClipboard;
use crossterm::execute;
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use jiff::Timestamp;
use ratatui::layout::Size;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, Id, JoinSet};

use super::effect::Effect;
use super::input::Input;
use super::keys::KeyMap;
use super::msg::{JobId, Msg, Ticket};
use super::perform::{Outside, Run};
use super::picture::Painter;
use super::state::State;
use super::terminal::{Screen, leave};
use super::theme::Theme;
use super::update::update;
use super::view::view;
use crate::domain::role::RoleIndex;
use crate::domain::text::escaped;
use crate::domain::transfer::Progress;
use crate::error::{Error, Result};
use crate::local::clipboard;
use crate::ops::Core;
use crate::ops::control::Control;
use crate::ops::copy::Refused;

/// Between ticks while nothing but the clock moves, and while something turns.
const SLOW: Duration = Duration::from_secs(1);
const FAST: Duration = Duration::from_millis(120);

/// Messages that may wait; a listing that is faster than the screen waits for it.
const QUEUE: usize = 256;

/// What the screen is told at its start.
pub struct Options {
    /// Shown as the first notice.
    pub notice: Option<String>,
    /// Where keys.toml may be.
    pub keys: std::path::PathBuf,
}

/// How the screen ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The user left.
    Quit,
    /// A signal with this number asked us to go.
    Signal(u8),
}

/// Shows the screen until the user leaves or a signal comes; the terminal is as before on every way out.
///
/// # Errors
/// [`Error::Profile`] for a wrong keys.toml; [`Error::Output`] when the terminal cannot be used.
pub async fn run(core: Arc<Core>, options: Options) -> Result<Ended> {
    let keys = KeyMap::load(&options.keys)?;
    let mut signals = Signals::new()?;
    let mut screen = Screen::enter()?;
    let size = screen.terminal.size()?;
    let (sender, mut receiver) = mpsc::channel(QUEUE);
    let mut state = State::new(
        Arc::clone(&core.profile),
        keys,
        (size.width, size.height),
        Timestamp::now(),
        jiff::tz::TimeZone::system(),
    );
    state.notice = options.notice.map(|text| escaped(&text).into_owned());
    state.regions = core.profile.indices().map(|role| core.region_of(role)).collect();
    state.home = core.environment.path("HOME");
    state.here = std::env::current_dir().ok();
    state.bookmarks = core.bookmarks();
    let no_color = core.environment.get("NO_COLOR").is_some();
    let theme = Theme::new(!no_color);
    let mut work = Work::new(Outside { core, sender: sender.clone(), painter: Arc::default() });
    let mut input = Some(Input::start(sender));
    work.spawn(Owner::Nobody, |outside| outside.sessions());
    loop {
        // It may have changed while a subshell had the terminal, of which we hear nothing.
        let Size { width, height } = screen.terminal.size()?;
        if state.size != (width, height) {
            update(&mut state, Msg::Resize(width, height));
        }
        draw(&mut screen, &state, theme)?;
        let pause = if state.is_busy() { FAST } else { SLOW };
        let first = tokio::select! {
            // Answers and keys before the clock.
            biased;
            number = signals.next() => return Ok(Ended::Signal(number)),
            Some(msg) = receiver.recv() => msg,
            Some(msg) = work.crashed() => msg,
            () = tokio::time::sleep(until_next(pause)) => Msg::Tick(Timestamp::now()),
        };
        let mut waiting = vec![first];
        // All that is there is applied before the next picture.
        while waiting.len() < QUEUE {
            match receiver.try_recv() {
                Ok(msg) => waiting.push(msg),
                Err(_) => break,
            }
        }
        // In front: the end of a transfer comes after the last that it tells of itself.
        waiting.splice(0..0, work.progress());
        if !waiting.iter().any(|msg| matches!(msg, Msg::Tick(_)))
            && Timestamp::now().duration_since(state.now).as_millis() >= 100
        {
            waiting.push(Msg::Tick(Timestamp::now()));
        }
        for msg in waiting {
            for effect in update(&mut state, msg) {
                match effect {
                    Effect::Quit => return Ok(Ended::Quit),
                    Effect::Shell { role } => {
                        let answer = shell(&mut screen, &mut input, &work.outside, role).await?;
                        signals.forget_interrupts()?;
                        for effect in update(&mut state, Msg::ShellEnded(role, answer)) {
                            work.start(effect);
                        }
                    }
                    effect @ Effect::Draw { .. } => {
                        find_painter(&mut input, &work.outside);
                        work.start(effect);
                    }
                    Effect::CopyText(text) => copy(&text, &work.outside),
                    Effect::CopyPresigned(url) => copy(url.expose(), &work.outside),
                    effect => work.start(effect),
                }
            }
        }
    }
}

/// To the terminal, which may be far away, and to the clipboard of this machine.
fn copy(text: &str, outside: &Outside) {
    _ = execute!(io::stdout(), CopyToClipboard::to_clipboard_from(text));
    clipboard::copy(text, &outside.core.environment);
}

/// Ticks fall on whole steps of the clock, so that the countdown never skips a second.
fn until_next(step: Duration) -> Duration {
    let now = Timestamp::now();
    let into = Duration::from_millis(now.as_millisecond().rem_euclid(step.as_millis() as i64) as u64);
    step - into
}

fn draw(screen: &mut Screen, state: &State, theme: Theme) -> Result<()> {
    // Terminals that know this show a picture at once or not at all; the others ignore it. Where the terminal is gone
    // and no SIGHUP said so, this fails, and the program ends.
    execute!(io::stdout(), BeginSynchronizedUpdate)?;
    let drawn = screen.terminal.draw(|frame| {
        view(state, theme, frame);
        // For tests/screen.rs: nothing else is meant to panic here.
        #[cfg(debug_assertions)]
        assert!(std::env::var_os("XSW_TEST_PANIC").is_none(), "XSW_TEST_PANIC is set");
    });
    let drawn = drawn.map(|_| ());
    _ = execute!(io::stdout(), EndSynchronizedUpdate);
    Ok(drawn?)
}

/// Finds out how the terminal shows pictures, once; it may have to be asked.
fn find_painter(input: &mut Option<Input>, outside: &Outside) {
    outside.painter.get_or_init(|| {
        // Its answer comes by the way of the keys.
        if let Some(input) = input.take() {
            input.stop();
        }
        let painter = Painter::find(&outside.core.environment);
        *input = Some(Input::start(outside.sender.clone()));
        painter
    });
}

/// Leaves the terminal to a subshell, and takes it again when that has ended.
async fn shell(
    screen: &mut Screen,
    input: &mut Option<Input>,
    outside: &Outside,
    role: RoleIndex,
) -> Result<Result<u8>> {
    // The one that was assumed for this. While the screen is away nobody could see or end a wait for another.
    let Some(session) = outside.core.live_session(role) else {
        let message = format!("the session of {} has just ended", outside.core.profile.label(role));
        return Ok(Err(Error::NotFound { message, hint: Some("ask for the subshell again".into()) }));
    };
    // The reader must be gone before the child starts: both would read the same terminal.
    if let Some(input) = input.take() {
        input.stop();
    }
    leave();
    let answer = async {
        let label = escaped(&outside.core.profile.label(role)).into_owned();
        let renew = outside.core.profile.renews(role);
        let lasting = if renew { " Its session renews itself." } else { "" };
        _ = writeln!(io::stdout(), "A subshell of {label}; `exit` leads back to xsw.{lasting}");
        if renew && let Some(note) = outside.core.renewal_note()? {
            _ = writeln!(io::stdout(), "note: {note}");
        }
        outside.core.run_shell(role, &session, renew).await
    };
    let answer = answer.await;
    screen.enter_again()?;
    *input = Some(Input::start(outside.sender.clone()));
    Ok(answer)
}

/// Whose task it is, so that it can be cancelled and its crash be told to whom it concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Owner {
    Assume(Ticket, RoleIndex),
    SignIn(Ticket),
    Buckets(Ticket),
    Page(Ticket),
    Versions(Ticket),
    Usage(Ticket),
    Presign(Ticket),
    Details(Ticket),
    Preview(Ticket),
    Draw(Ticket),
    Explain(Ticket),
    Inspect(Ticket),
    PlanMending(Ticket),
    Mend(Ticket),
    Plan(Ticket, RoleIndex),
    Console(RoleIndex),
    Job(JobId),
    Nobody,
}

/// The tasks that run outside. Dropping it ends them all.
struct Work {
    outside: Outside,
    tasks: JoinSet<()>,
    owners: HashMap<Id, (Owner, AbortHandle)>,
    jobs: HashMap<JobId, Hand>,
}

/// What we hold of a transfer that has a task.
struct Hand {
    control: Control,
    progress: watch::Receiver<Progress>,
}

impl Work {
    fn new(outside: Outside) -> Self {
        Self { outside, tasks: JoinSet::new(), owners: HashMap::new(), jobs: HashMap::new() }
    }

    fn spawn<F: Future<Output = ()> + Send + 'static>(&mut self, owner: Owner, work: impl FnOnce(Outside) -> F) {
        let handle = self.tasks.spawn(work(self.outside.clone()));
        self.owners.insert(handle.id(), (owner, handle));
    }

    fn start(&mut self, effect: Effect) {
        match effect {
            Effect::Sessions => self.spawn(Owner::Nobody, |outside| outside.sessions()),
            Effect::Assume { ticket, role, code, anew } => {
                self.spawn(Owner::Assume(ticket, role), |outside| outside.assume(ticket, role, code, anew));
            }
            Effect::Renew { role } => self.spawn(Owner::Nobody, move |outside| outside.renew(role)),
            Effect::SignIn { ticket, source } => {
                self.spawn(Owner::SignIn(ticket), move |outside| outside.sign_in(ticket, source));
            }
            Effect::Buckets { ticket, role } => {
                self.spawn(Owner::Buckets(ticket), |outside| outside.buckets(ticket, role));
            }
            Effect::List { ticket, role, uri } => {
                self.spawn(Owner::Page(ticket), |outside| outside.list(ticket, role, uri));
            }
            Effect::Walk { ticket, role, uri, pattern } => {
                self.spawn(Owner::Page(ticket), |outside| outside.walk(ticket, role, uri, pattern));
            }
            Effect::Versions { ticket, role, uri, of } => {
                self.spawn(Owner::Versions(ticket), move |outside| outside.versions(ticket, role, uri, of));
            }
            Effect::Usage { ticket, role, uri } => {
                self.spawn(Owner::Usage(ticket), |outside| outside.usage(ticket, role, uri));
            }
            Effect::Details { ticket, role, uri, version } => {
                self.spawn(Owner::Details(ticket), |outside| outside.details(ticket, role, uri, version));
            }
            Effect::Address { role, uri, version } => {
                self.spawn(Owner::Nobody, |outside| outside.address(role, uri, version));
            }
            Effect::Presign { ticket, role, uri, version, life } => {
                self.spawn(Owner::Presign(ticket), move |outside| outside.presign(ticket, role, (uri, version), life));
            }
            Effect::Bookmark { role, uri, keep } => {
                self.spawn(Owner::Nobody, move |outside| outside.bookmark(role, uri, keep));
            }
            Effect::Preview { ticket, role, uri, version } => {
                self.spawn(Owner::Preview(ticket), |outside| outside.preview(ticket, role, uri, version));
            }
            Effect::Draw { ticket, picture, room } => {
                self.spawn(Owner::Draw(ticket), move |outside| outside.draw(ticket, picture, room));
            }
            Effect::Explain { ticket, question } => {
                self.spawn(Owner::Explain(ticket), move |outside| outside.explain(ticket, question));
            }
            Effect::Inspect { ticket, role, with } => {
                self.spawn(Owner::Inspect(ticket), move |outside| outside.inspect(ticket, role, with));
            }
            Effect::PlanMending { ticket, grant, by } => {
                self.spawn(Owner::PlanMending(ticket), move |outside| outside.plan_mending(ticket, grant, by));
            }
            Effect::Mend { ticket, mending } => {
                self.spawn(Owner::Mend(ticket), move |outside| outside.mend(ticket, mending));
            }
            Effect::Console { role, page } => {
                self.spawn(Owner::Console(role), |outside| outside.console(role, page));
            }
            Effect::Download { job, role, picks, if_exists } => {
                let run = self.run(job);
                self.spawn(Owner::Job(job), |outside| outside.download(run, role, picks, if_exists));
            }
            Effect::PlanCopy { ticket, roles, picks, if_exists, storage } => {
                let plan = move |outside: Outside| outside.plan_copy(ticket, roles, picks, (if_exists, storage));
                self.spawn(Owner::Plan(ticket, roles.to), plan);
            }
            Effect::Copy { job, plan, picks, if_exists, storage } => {
                let run = self.run(job);
                self.spawn(Owner::Job(job), move |outside| outside.copy(run, plan, picks, (if_exists, storage)));
            }
            Effect::Cancel(ticket) => self.cancel(|owner| match owner {
                Owner::Assume(of, _)
                | Owner::SignIn(of)
                | Owner::Buckets(of)
                | Owner::Page(of)
                | Owner::Versions(of)
                | Owner::Usage(of)
                | Owner::Presign(of)
                | Owner::Preview(of)
                | Owner::Draw(of)
                | Owner::Explain(of)
                | Owner::Inspect(of)
                | Owner::PlanMending(of)
                | Owner::Plan(of, _)
                | Owner::Details(of) => of == ticket,
                // What is being written is written.
                Owner::Mend(_) | Owner::Console(_) | Owner::Job(_) | Owner::Nobody => false,
            }),
            Effect::CancelJob(job) => {
                self.jobs.remove(&job);
                self.cancel(|owner| owner == Owner::Job(job));
            }
            // One that has just ended has no hand any more.
            Effect::PauseJob(job) => self.jobs.get(&job).into_iter().for_each(|hand| hand.control.pause()),
            Effect::ResumeJob(job) => self.jobs.get(&job).into_iter().for_each(|hand| hand.control.resume()),
            // The loop itself does these: they need the screen.
            Effect::Shell { .. } | Effect::CopyText(_) | Effect::CopyPresigned(_) | Effect::Quit => {}
        }
    }

    /// A transfer that begins; we keep the hand on it.
    fn run(&mut self, job: JobId) -> Run {
        let (sender, progress) = watch::channel(Progress::default());
        let control = Control::default();
        self.jobs.insert(job, Hand { control: control.clone(), progress });
        Run { job, control, progress: sender }
    }

    fn cancel(&mut self, is_meant: impl Fn(Owner) -> bool) {
        for (owner, handle) in self.owners.values().filter(|(owner, _)| is_meant(*owner)) {
            tracing::info!(?owner, "cancelled");
            handle.abort();
        }
    }

    /// Waits for a task that panicked and gives the message that its owner waits for.
    async fn crashed(&mut self) -> Option<Msg> {
        loop {
            let Some(ended) = self.tasks.join_next_with_id().await else { return std::future::pending().await };
            let (id, crash) = match ended {
                Ok((id, ())) => (id, None),
                Err(error) => (error.id(), error.is_panic().then(|| Error::Crashed { message: error.to_string() })),
            };
            let owner = self.owners.remove(&id).map_or(Owner::Nobody, |(owner, _)| owner);
            if let Owner::Job(job) = owner {
                self.jobs.remove(&job);
            }
            let Some(error) = crash else { continue };
            return Some(match owner {
                Owner::Assume(ticket, role) => Msg::Assumed(ticket, role, Err(error), None),
                Owner::SignIn(ticket) => Msg::SignedIn(ticket, Err(error)),
                Owner::Buckets(ticket) => Msg::Buckets(ticket, Err(error)),
                Owner::Page(ticket) => Msg::Page(ticket, Err(error)),
                Owner::Versions(ticket) => Msg::Versions(ticket, Err(error)),
                Owner::Usage(ticket) => Msg::Usage(ticket, Err(error)),
                Owner::Presign(ticket) => Msg::Presigned(ticket, Err(error)),
                Owner::Details(ticket) => Msg::Details(ticket, Err(error)),
                Owner::Preview(ticket) => Msg::Preview(ticket, Err(error)),
                Owner::Draw(ticket) => Msg::Drawn(ticket, None),
                Owner::Explain(ticket) => Msg::Explained(ticket, Err(error)),
                Owner::Inspect(ticket) => Msg::Inspected(ticket, Err(error)),
                Owner::PlanMending(ticket) => Msg::MendingPlanned(ticket, Err(error)),
                Owner::Mend(ticket) => Msg::Mended(ticket, Err(error)),
                Owner::Plan(ticket, role) => Msg::CopyPlanned(ticket, Err(Box::new(Refused::by(role, error)))),
                Owner::Console(role) => Msg::Console(role, Err(error)),
                Owner::Job(job) => Msg::Finished(job, Err(error)),
                Owner::Nobody => Msg::Notices(vec![error.to_string()]),
            });
        }
    }

    /// How far the transfers are, where that has changed.
    fn progress(&mut self) -> Vec<Msg> {
        let mut told = Vec::new();
        for (job, Hand { progress, .. }) in &mut self.jobs {
            // The last one may be there when who told it has gone.
            if progress.has_changed().unwrap_or(true) {
                told.push(Msg::Progress(*job, progress.borrow_and_update().clone()));
            }
        }
        told
    }
}

/// SIGTERM, SIGHUP and, from elsewhere, SIGINT: each leaves the screen in order.
struct Signals {
    #[cfg(unix)]
    streams: [(u8, tokio::signal::unix::Signal); 3],
}

impl Signals {
    #[cfg(unix)]
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let stream = |kind: SignalKind| Ok::<_, io::Error>((kind.as_raw_value() as u8, signal(kind)?));
        let kinds = [SignalKind::terminate(), SignalKind::hangup(), SignalKind::interrupt()];
        let [terminate, hangup, interrupt] = kinds.map(stream);
        Ok(Self { streams: [terminate?, hangup?, interrupt?] })
    }

    /// A Ctrl-C in the subshell was the subshell's.
    #[cfg(unix)]
    fn forget_interrupts(&mut self) -> io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        self.streams[2].1 = signal(SignalKind::interrupt())?;
        Ok(())
    }

    #[cfg(unix)]
    async fn next(&mut self) -> u8 {
        let [terminate, hangup, interrupt] = &mut self.streams;
        tokio::select! {
            _ = terminate.1.recv() => terminate.0,
            _ = hangup.1.recv() => hangup.0,
            _ = interrupt.1.recv() => interrupt.0,
        }
    }

    #[cfg(not(unix))]
    fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    fn forget_interrupts(&mut self) -> io::Result<()> {
        Ok(())
    }

    #[cfg(not(unix))]
    async fn next(&mut self) -> u8 {
        _ = tokio::signal::ctrl_c().await;
        2
    }
}
