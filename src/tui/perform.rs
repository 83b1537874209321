//! Does what an effect says, and sends the answer: success, failure and panic all come back as one message.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::effect::Code;
use super::msg::{Counted, JobId, Life, Msg, SignInStep, Ticket};
use super::picture::Painter;
use crate::aws::s3::Of;
use crate::domain::copy::Storage;
use crate::domain::object::{Entry, Object, Page};
use crate::domain::pattern::Pattern;
use crate::domain::policy::least::Grant;
use crate::domain::role::RoleIndex;
use crate::domain::transfer::{Halt, Halted, IfExists, Progress, Summary};
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::ops::Core;
use crate::ops::console::ConsolePage;
use crate::ops::control::Control;
use crate::ops::copy::{CopyJob, CopyPick, CopyWishes, Plan, Refused, Roles};
use crate::ops::download::{Job, OnHalt, Pick, Wishes};
use crate::ops::explain::Question;
use crate::ops::mend::Mending;
use crate::ops::preview::Picture;
use crate::ops::sign_in::{How, Step};
use crate::ops::transfer::retry::{Verdict, verdict};
use crate::ops::walk::{Level, Walk};

/// Between two answers that only say how far a count is.
const TELL: Duration = Duration::from_millis(150);

/// How often a transfer's session is looked at, whether it is a new one.
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);

/// A transfer that begins.
pub(super) struct Run {
    pub(super) job: JobId,
    /// The hand that pauses it.
    pub(super) control: Control,
    /// Where it tells how far it is.
    pub(super) progress: watch::Sender<Progress>,
}

/// What the effects work with.
#[derive(Clone)]
pub(super) struct Outside {
    pub(super) core: Arc<Core>,
    pub(super) sender: mpsc::Sender<Msg>,
    /// Found when the first picture is there, never at the start.
    pub(super) painter: Arc<OnceLock<Painter>>,
}

impl Outside {
    /// Sends an answer; when the screen is gone nobody wants it.
    async fn send(&self, msg: Msg) {
        _ = self.sender.send(msg).await;
    }

    pub(super) async fn sessions(self) {
        let core = Arc::clone(&self.core);
        let live = move || core.live_sessions().iter().map(|(role, session)| (*role, session.into())).collect();
        if let Ok(live) = tokio::task::spawn_blocking(live).await {
            self.send(Msg::Sessions(live)).await;
        }
    }

    pub(super) async fn assume(self, ticket: Ticket, role: RoleIndex, code: Option<Code>, anew: bool) {
        let code = code.as_ref().map(|code| code.0.as_str());
        let answer = match anew {
            true => self.core.renewed_session(role, code).await,
            false => self.core.session(role, code).await,
        };
        let hint = match &answer {
            Err(Error::MfaRequired { serial, .. }) => self.core.shown_code(serial),
            _ => None,
        };
        // Only now: where AWS profiles lead is in a file that need not be read before the first picture.
        if let Err(Error::SignedOut { source_name, .. }) = &answer
            && self.core.can_sign_in(source_name)
        {
            self.send(Msg::CanSignIn(source_name.clone())).await;
        }
        // The links of the chain have sessions now, too.
        for link in self.core.profile.chain(role) {
            self.renewed(link).await;
        }
        self.send(Msg::Assumed(ticket, role, answer.as_ref().map(Life::from).map_err(Error::clone), hint)).await;
        self.notices().await;
    }

    /// Renews ahead of the end. Failing is no event: the session lives on for minutes, and the next call asks again.
    pub(super) async fn renew(self, role: RoleIndex) {
        if let Err(error) = self.session(role).await {
            tracing::warn!(%error, "the session is not renewed");
        }
    }

    async fn renewed(&self, role: RoleIndex) {
        if let Some(session) = self.core.live_session(role) {
            self.send(Msg::Renewed(role, Life::from(&session))).await;
        }
    }

    async fn notices(&self) {
        let notices = self.core.take_notices();
        if !notices.is_empty() {
            self.send(Msg::Notices(notices)).await;
        }
    }

    /// The session of a role, made or renewed where it must be, so that the header knows before the answer comes.
    async fn session(&self, role: RoleIndex) -> Result<()> {
        let session = self.core.session_unasked(role).await?;
        self.send(Msg::Renewed(role, Life::from(&session))).await;
        self.notices().await;
        Ok(())
    }

    pub(super) async fn buckets(self, ticket: Ticket, role: RoleIndex) {
        let answer = async {
            self.session(role).await?;
            self.core.s3(role).buckets().await
        };
        self.send(Msg::Buckets(ticket, answer.await)).await;
    }

    /// Lists one level; a long one in parallel, and in order all the same.
    pub(super) async fn list(self, ticket: Ticket, role: RoleIndex, uri: S3Uri) {
        let pages = async {
            self.session(role).await?;
            let mut level = Level::new(self.core.s3(role), uri);
            while let Some(entries) = level.next().await? {
                self.more(ticket, entries).await;
            }
            Ok(Page::default())
        };
        let last = pages.await;
        self.send(Msg::Page(ticket, last)).await;
    }

    /// A page after which another one comes, whatever its token is.
    async fn more(&self, ticket: Ticket, entries: Vec<Entry>) {
        self.send(Msg::Page(ticket, Ok(Page { entries, next: Some(String::new()) }))).await;
    }

    /// Lists all that is below a prefix, or what of it matches.
    pub(super) async fn walk(self, ticket: Ticket, role: RoleIndex, uri: S3Uri, pattern: Option<String>) {
        let pages = async {
            let pattern = pattern.as_deref().map(Pattern::new).transpose().map_err(Error::usage)?;
            self.session(role).await?;
            let is_meant = |object: &Object| {
                pattern.as_ref().is_none_or(|pattern| pattern.matches(object.key.get(uri.key.len()..).unwrap_or("")))
            };
            let mut walk = Walk::new(self.core.s3(role), uri.clone());
            while let Some(objects) = walk.next().await? {
                let entries = objects.into_iter().filter(|object| is_meant(object)).map(Entry::Object).collect();
                self.more(ticket, entries).await;
            }
            Ok(Page::default())
        };
        let last = pages.await;
        self.send(Msg::Page(ticket, last)).await;
    }

    pub(super) async fn versions(self, ticket: Ticket, role: RoleIndex, uri: S3Uri, of: Of) {
        if let Err(error) = self.session(role).await {
            self.send(Msg::Versions(ticket, Err(error))).await;
            return;
        }
        let s3 = self.core.s3(role);
        let mut after = None;
        loop {
            let page = s3.versions(&uri, of, after.as_ref()).await;
            after = page.as_ref().ok().and_then(|page| page.next.clone());
            self.send(Msg::Versions(ticket, page)).await;
            if after.is_none() {
                return;
            }
        }
    }

    /// Counts; tells how far it is a few times a second.
    pub(super) async fn usage(self, ticket: Ticket, role: RoleIndex, uri: S3Uri) {
        let count = async {
            self.session(role).await?;
            let mut counted = Counted::default();
            let mut told = Instant::now();
            let mut walk = Walk::new(self.core.s3(role), uri);
            while let Some(objects) = walk.next().await? {
                counted.objects += objects.len() as u64;
                counted.bytes += objects.iter().map(|object| object.size).sum::<u64>();
                if told.elapsed() >= TELL {
                    self.send(Msg::Usage(ticket, Ok(counted))).await;
                    told = Instant::now();
                }
            }
            Ok(Counted { complete: true, ..counted })
        };
        let last = count.await;
        self.send(Msg::Usage(ticket, last)).await;
    }

    pub(super) async fn address(self, role: RoleIndex, uri: S3Uri, version: Option<String>) {
        let address = self.core.s3(role).https_url(&uri, version.as_deref());
        self.send(Msg::Address(address)).await;
    }

    /// Signs an address; it goes to the screen as a secret.
    pub(super) async fn presign(
        self,
        ticket: Ticket,
        role: RoleIndex,
        (uri, version): (S3Uri, Option<String>),
        life: Option<Duration>,
    ) {
        let answer = async {
            self.session(role).await?;
            self.core.presign(role, &uri, version.as_deref(), life).await
        };
        let answer = answer.await;
        self.send(Msg::Presigned(ticket, answer)).await;
        self.notices().await;
    }

    pub(super) async fn bookmark(self, role: RoleIndex, uri: S3Uri, keep: bool) {
        let answer = self.core.bookmark(role, uri, keep).await;
        self.send(Msg::Bookmarks(role, answer)).await;
    }

    pub(super) async fn details(self, ticket: Ticket, role: RoleIndex, uri: S3Uri, version: Option<String>) {
        let answer = async {
            self.session(role).await?;
            Ok(Box::new(self.core.s3(role).details(&uri, version.as_deref()).await))
        };
        self.send(Msg::Details(ticket, answer.await)).await;
    }

    pub(super) async fn preview(self, ticket: Ticket, role: RoleIndex, uri: S3Uri, version: Option<String>) {
        let answer = async {
            self.session(role).await?;
            self.core.preview(role, &uri, version.as_deref()).await
        };
        self.send(Msg::Preview(ticket, answer.await.map(Box::new))).await;
    }

    pub(super) async fn draw(self, ticket: Ticket, picture: Arc<Picture>, room: (u16, u16)) {
        let painter = self.painter.get().cloned();
        let drawn = move || painter?.draw(&picture, room);
        let drawn = tokio::task::spawn_blocking(drawn).await.ok().flatten();
        self.send(Msg::Drawn(ticket, drawn)).await;
    }

    /// Signs in and waits for the browser; the address that signs in stays in here.
    pub(super) async fn console(self, role: RoleIndex, page: ConsolePage) {
        let answer = async {
            let url = self.core.console_url(role, &page).await?;
            self.core.open_console(&url).await
        };
        let answer = answer.await;
        self.renewed(role).await;
        self.send(Msg::Console(role, answer)).await;
        self.notices().await;
    }

    /// Explains; the sessions that it made on the way are there then.
    pub(super) async fn explain(self, ticket: Ticket, question: Box<Question>) {
        let (core, asked) = (Arc::clone(&self.core), question.clone());
        let answer = on_one_thread(move || async move { core.explain(&asked, None).await }).await;
        for link in self.core.profile.chain(question.role) {
            self.renewed(link).await;
        }
        self.send(Msg::Explained(ticket, answer.map(Box::new))).await;
        self.notices().await;
    }

    pub(super) async fn inspect(self, ticket: Ticket, role: RoleIndex, with: Vec<RoleIndex>) {
        let core = Arc::clone(&self.core);
        let answer = on_one_thread(move || async move { core.inspect(role, &with).await }).await;
        self.send(Msg::Inspected(ticket, answer.map(Box::new))).await;
    }

    pub(super) async fn plan_mending(self, ticket: Ticket, grant: Box<Grant>, by: RoleIndex) {
        let answer = self.core.plan_mending(&grant, by).await;
        self.send(Msg::MendingPlanned(ticket, answer.map(Box::new))).await;
    }

    pub(super) async fn mend(self, ticket: Ticket, mending: Box<Mending>) {
        let answer = self.core.mend(&mending).await;
        self.send(Msg::Mended(ticket, answer)).await;
        self.notices().await;
    }

    /// Signs in to a source; what the person must do meanwhile goes to the screen.
    pub(super) async fn sign_in(self, ticket: Ticket, source: String) {
        let show = |step: Step<'_>| {
            let (url, code) = match step {
                // The code that comes next says enough.
                Step::NoBrowser(_) => return,
                Step::Browser { url } => (url, None),
                Step::Code { url, complete_url, user_code } => (complete_url.unwrap_or(url), Some(user_code)),
            };
            let step = SignInStep { url: url.to_owned(), code: code.map(str::to_owned) };
            // The queue has room for what a person does.
            _ = self.sender.try_send(Msg::SignInStep(ticket, step));
        };
        let answer = self.core.login(&source, How::here(&self.core.environment), &show).await;
        self.send(Msg::SignedIn(ticket, answer.map(|done| (done.accounts, done.roles)))).await;
        self.notices().await;
    }

    /// Downloads; how far it is goes into the run's `progress`, where only the newest counts.
    pub(super) async fn download(self, run: Run, role: RoleIndex, picks: Arc<[Pick]>, if_exists: IfExists) {
        let id = run.job;
        let answer: Result<Summary> = async {
            self.session_at_last(&run, role).await?;
            let Run { control, progress, .. } = run;
            let on_progress = Arc::new(move |now: &Progress| _ = progress.send_replace(now.clone()));
            let wishes = Wishes { if_exists, on_halt: OnHalt::Wait, ..Wishes::default() };
            let job = Job { control, ..Job::new(picks, wishes, on_progress) };
            tokio::select! {
                summary = self.core.download(role, job) => Ok(summary),
                never = self.tell_renewals(role) => match never {},
            }
        }
        .await;
        self.send(Msg::Finished(id, answer)).await;
    }

    /// Finds the way that a copy can go, and proves it with one object.
    pub(super) async fn plan_copy(
        self,
        ticket: Ticket,
        roles: Roles,
        picks: Arc<[CopyPick]>,
        (if_exists, storage): (IfExists, Storage),
    ) {
        let wishes = CopyWishes { if_exists, storage, ..CopyWishes::default() };
        let answer = async {
            for role in [roles.from, roles.to] {
                self.session(role).await.map_err(|error| Refused::by(role, error))?;
            }
            self.core.plan_copy(roles, &picks, &wishes, None).await
        };
        let answer = answer.await.map_err(Box::new);
        self.send(Msg::CopyPlanned(ticket, answer)).await;
    }

    /// Copies, as [`Self::download`] downloads.
    pub(super) async fn copy(
        self,
        run: Run,
        plan: Plan,
        picks: Arc<[CopyPick]>,
        (if_exists, storage): (IfExists, Storage),
    ) {
        let id = run.job;
        let answer: Result<Summary> = async {
            for role in [plan.reader, plan.writer] {
                self.session_at_last(&run, role).await?;
            }
            let Run { control, progress, .. } = run;
            let wishes = CopyWishes { if_exists, storage, ..CopyWishes::default() };
            let job = CopyJob {
                picks,
                wishes,
                on_halt: Arc::new(|_| OnHalt::Wait),
                control,
                on_progress: Arc::new(move |now: &Progress| _ = progress.send_replace(now.clone())),
                on_event: Arc::new(|_| {}),
            };
            tokio::select! {
                summary = self.core.copy(&plan, job) => Ok(summary),
                never = self.tell_renewals(plan.reader) => match never {},
                never = self.tell_renewals(plan.writer) => match never {},
            }
        }
        .await;
        self.send(Msg::Finished(id, answer)).await;
    }

    /// The session of a transfer that begins; while it needs somebody, the transfer stands still.
    async fn session_at_last(&self, run: &Run, role: RoleIndex) -> Result<()> {
        loop {
            match self.session(role).await {
                Err(error) if verdict(&error) == Verdict::Session => {
                    let halt = Halt::Session(Halted { role, error });
                    run.progress.send_modify(|progress| progress.halt = Some(halt));
                    run.control.resumed().await;
                    run.progress.send_modify(|progress| progress.halt = None);
                }
                answer => return answer,
            }
        }
    }

    /// A transfer renews its session on the way; the header should know.
    async fn tell_renewals(&self, role: RoleIndex) -> Infallible {
        let mut known = None;
        loop {
            tokio::time::sleep(BETWEEN_LOOKS).await;
            let core = Arc::clone(&self.core);
            // Where sessions rest may be slow to say.
            let Ok(Some(session)) = tokio::task::spawn_blocking(move || core.live_session(role)).await else {
                continue;
            };
            if known.replace(session.expiration).is_some_and(|known| known != session.expiration) {
                self.send(Msg::Renewed(role, Life::from(&session))).await;
            }
        }
    }
}

/// Waits for what must stay on one thread: the compiler cannot tell that calls with async closures may move between
/// threads. Whoever stops waiting stops it.
async fn on_one_thread<T: Send + 'static, F: Future<Output = Result<T>>>(
    work: impl FnOnce() -> F + Send + 'static,
) -> Result<T> {
    let (_waiting, gone) = tokio::sync::oneshot::channel::<Infallible>();
    let runtime = tokio::runtime::Handle::current();
    let task = tokio::task::spawn_blocking(move || {
        runtime.block_on(async move {
            tokio::select! {
                biased;
                _ = gone => Err(Error::Interrupted),
                answer = work() => answer,
            }
        })
    });
    task.await.unwrap_or_else(|error| Err(Error::Crashed { message: error.to_string() }))
}
