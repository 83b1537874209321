//! Which way a copy goes: tried with one object before a million follow.
//!
//! The first object is read, the target is listed, an upload is begun at the object's place in it and given up again.
//! That asks for all that the copy itself will ask for, and leaves nothing behind. A dry run reads alone, and with that
//! finds the way that is likely.

use std::collections::HashMap;
use std::sync::Arc;

use super::{CopyPick, CopyWishes, Roles, cannot_by_itself};
use crate::aws::s3::{Ask, Begin, Depth, Source, Upload};
use crate::domain::checksum::Algorithm;
use crate::domain::copy::{Storage, Stored, Way};
use crate::domain::object::{Object, is_archived};
use crate::domain::role::RoleIndex;
use crate::domain::transfer::IfExists;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::ops::Core;
use crate::ops::control::Control;
use crate::ops::download::OnHalt;
use crate::ops::ends::finished;
use crate::ops::transfer::fetch::Line;
use crate::ops::transfer::gate::Gate;
use crate::ops::transfer::tally::Tally;

/// More than this S3 copies no range of (Amazon S3 API Reference, "UploadPartCopy").
const RANGES_FROM: u64 = 5 << 20;

/// How a copy will go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Which way.
    pub way: Way,
    /// Whose session reads.
    pub reader: RoleIndex,
    /// Whose session writes.
    pub writer: RoleIndex,
    /// What the user should know of it: why S3 does not copy by itself, say.
    pub notes: Vec<String>,
    /// Whether there is anything to copy.
    pub is_empty: bool,
}

/// What a way is tried with, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Find,
    Read,
    Look,
    Begin,
    Part,
}

/// Why no way is open.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Whose session was refused.
    pub role: RoleIndex,
    /// By what.
    pub error: Error,
    /// How far it was.
    step: Step,
    /// What stood in the way of the other ways, and whose.
    pub others: Vec<(RoleIndex, Error)>,
}

/// The object that everything is tried with.
#[derive(Clone, Debug)]
struct Sample {
    object: Object,
    version: Option<String>,
    uri: S3Uri,
    target: S3Uri,
}

/// What was found out already: each question is asked once for each role.
struct Tries {
    core: Arc<Core>,
    picks: Vec<CopyPick>,
    wishes: CopyWishes,
    samples: HashMap<RoleIndex, Result<Option<Sample>>>,
}

impl Core {
    /// Finds the way that a copy can go, and proves it with the first object; for a dry run only that it can be read.
    /// `wished` leaves only that way.
    ///
    /// # Errors
    /// [`Refused`]: who was refused what.
    pub async fn plan_copy(
        self: &Arc<Self>,
        roles: Roles,
        picks: &[CopyPick],
        wishes: &CopyWishes,
        wished: Option<Way>,
    ) -> Result<Plan, Refused> {
        let mut tries =
            Tries { core: Arc::clone(self), picks: picks.to_vec(), wishes: wishes.clone(), samples: HashMap::new() };
        let mut refused: Vec<(Way, Refused)> = Vec::new();
        let mut notes = Vec::new();
        for (way, reader, writer) in ways(roles) {
            if wished.is_some_and(|wished| wished != way) {
                continue;
            }
            // What a role was refused on its way it will be refused again.
            let hopeless = way == Way::Streamed
                && reader == writer
                && refused.iter().any(|(_, one)| one.role == writer && !cannot_by_itself(&one.error));
            if hopeless {
                continue;
            }
            // A role that was named for reading alone has to show that it can do more.
            let stands_in = writer == roles.from && roles.from != roles.to;
            match tries.attempt(way, (reader, writer), stands_in).await {
                Ok(is_empty) => {
                    if wishes.dry_run && !is_empty {
                        let label = self.profile.label(writer);
                        notes.push(format!(
                            "nothing is tried in a dry run: whether {label} may write there is not known"
                        ));
                    }
                    if way == Way::Streamed && wished.is_none() {
                        let why = refused.iter().find(|(way, _)| *way == Way::Server);
                        notes.extend(why.map(|(_, one)| {
                            let label = self.profile.label(one.role);
                            format!("S3 does not copy by itself as {label}: {}", one.error)
                        }));
                    }
                    return Ok(Plan { way, reader, writer, notes, is_empty });
                }
                Err(one) => refused.push((way, one)),
            }
        }
        Err(told(refused, roles))
    }
}

/// The refusal to tell: of the way that came furthest. Among ways that can be read but not written it is that on which
/// each role does what it was named for; that who reads may not write surprises nobody.
fn told(mut refused: Vec<(Way, Refused)>, roles: Roles) -> Refused {
    let rank = |(way, one): &(Way, Refused)| {
        // A server that lacks a call says nothing of anybody's permissions.
        let tells = !(one.step == Step::Part && cannot_by_itself(&one.error));
        let stands_in = one.writes() && one.role != roles.to;
        let as_named = one.writes() && *way == Way::Streamed;
        (tells, !stands_in, one.writes(), as_named, one.step)
    };
    // Of several that came as far: reading is what the one role was named for, and the first is the best.
    let named = |(way, one): &(Way, Refused)| *way == Way::Streamed && one.role == roles.from;
    let furthest = refused.iter().map(rank).max();
    let furthest = |one: &(Way, Refused)| Some(rank(one)) == furthest;
    let place = refused.iter().position(|one| furthest(one) && named(one));
    let place = place.or_else(|| refused.iter().position(furthest)).unwrap_or(0);
    let (_, mut first) = refused.remove(place);
    for (_, Refused { role, error, .. }) in refused {
        let is_known = |(of, known): &(RoleIndex, Error)| *of == role && known.to_string() == error.to_string();
        if !is_known(&(first.role, first.error.clone())) && !first.others.iter().any(is_known) {
            first.others.push((role, error));
        }
    }
    first
}

impl Refused {
    /// What stood in the way of one role before anything was tried: there is no session of it, say.
    pub fn by(role: RoleIndex, error: Error) -> Self {
        Self { role, error, step: Step::Find, others: Vec::new() }
    }

    /// Whether it is about the target.
    pub fn writes(&self) -> bool {
        // S3 reads the source of a part that it copies.
        let reads = matches!(&self.error, Error::Denied { action, .. } if action.starts_with("s3:Get"));
        self.step >= Step::Look && !reads
    }

    /// What of a copy it is about: the source or the target.
    pub fn place<'a>(&self, pick: &'a CopyPick) -> &'a S3Uri {
        if self.writes() { pick.target() } else { pick.uri() }
    }
}

/// All ways, the best first.
fn ways(Roles { from, to }: Roles) -> Vec<(Way, RoleIndex, RoleIndex)> {
    let mut ways = vec![(Way::Server, to, to)];
    if from != to {
        ways.extend([(Way::Server, from, from), (Way::Streamed, from, to)]);
    }
    ways.push((Way::Streamed, to, to));
    if from != to {
        ways.push((Way::Streamed, from, from));
    }
    ways
}

impl Tries {
    /// Tries one way; says whether there is nothing to copy.
    async fn attempt(
        &mut self,
        way: Way,
        (reader, writer): (RoleIndex, RoleIndex),
        stands_in: bool,
    ) -> Result<bool, Refused> {
        let refused = |role, step| move |error| Refused { role, error, step, others: Vec::new() };
        let (reads, writes) = (self.line(reader), self.line(writer));
        let sample = match self.samples.get(&reader) {
            Some(known) => known.clone(),
            None => {
                let sample = self.sample(&reads).await;
                self.samples.insert(reader, sample.clone());
                sample
            }
        };
        let Some(sample) = sample.map_err(refused(reader, Step::Find))? else { return Ok(true) };
        let stored = self.read(&reads, &sample).await.map_err(refused(reader, Step::Read))?;
        self.look(&writes).await.map_err(refused(writer, Step::Look))?;
        if self.wishes.dry_run {
            if stands_in {
                let list = || writes.s3.page_from(&sample.target, Depth::All, Begin::First);
                writes.ask(list).await.map_err(refused(writer, Step::Look))?;
            }
            return Ok(false);
        }
        // To the end also when nobody waits for it any more: what is begun is given up again.
        let (storage, leave) = (self.wishes.storage.clone(), self.core.ends.begin().await);
        let tried = tokio::spawn(async move {
            let tried = upload(way, &writes, &sample, (&stored, &storage)).await;
            drop(leave);
            Ok(tried)
        });
        let tried = finished(tried).await.map_err(refused(writer, Step::Begin))?;
        tried.map(|()| false).map_err(|(step, error)| refused(writer, step)(error))
    }

    /// What asks as a role, through the troubles that the copy itself would bear.
    fn line(&self, role: RoleIndex) -> Line {
        Line {
            s3: self.core.s3(role),
            pool: self.core.pool.clone(),
            control: Control::default(),
            patience: self.wishes.patience,
            gate: Arc::new(Gate::new(role, OnHalt::Stop, Arc::new(Tally::default()))),
        }
    }

    /// The first object that shall be copied and can be read.
    async fn sample(&self, line: &Line) -> Result<Option<Sample>> {
        let mut archived = None;
        for pick in &self.picks {
            let (uri, version) = match pick {
                CopyPick::Prefix { uri, .. } => (uri, None),
                CopyPick::Object { uri, version, target } => {
                    let stat = line.stat(uri, &Ask { version: version.clone(), ..Ask::default() }).await?;
                    let object = stat.listed(&uri.key);
                    let (version, uri, target) = (version.clone(), uri.clone(), target.clone());
                    return Ok(Some(Sample { object, version, uri, target }));
                }
            };
            let strip = match pick {
                CopyPick::Prefix { strip, .. } => strip.as_str(),
                CopyPick::Object { .. } => "",
            };
            let mut token: Option<String> = None;
            loop {
                let begin = token.as_deref().map_or(Begin::First, Begin::Token);
                let page = line.ask(|| line.s3.page_from(uri, Depth::All, begin)).await?;
                for entry in page.entries {
                    let crate::domain::object::Entry::Object(object) = entry else { continue };
                    let path = object.key.strip_prefix(strip).unwrap_or(&object.key);
                    if !self.wishes.select.allows(path, object.size, object.last_modified) {
                        continue;
                    }
                    let Some(target) = pick.target_of(&object.key) else { continue };
                    let is_archived = object.storage_class.as_deref().is_some_and(is_archived);
                    let uri = S3Uri::new(&uri.bucket, &object.key);
                    let sample = Sample { object, version: version.clone(), uri, target };
                    // One that has to be restored first can be read by nobody.
                    if !is_archived {
                        return Ok(Some(sample));
                    }
                    archived.get_or_insert(sample);
                }
                match page.next {
                    Some(next) if token.as_ref() != Some(&next) => token = Some(next),
                    _ => break,
                }
            }
        }
        Ok(archived)
    }

    /// Reads a byte of it, and its tags.
    async fn read(&self, line: &Line, sample: &Sample) -> Result<Stored> {
        let range = (sample.object.size > 0).then_some(0..1);
        let ask = Ask { range, etag: sample.object.etag.clone(), version: sample.version.clone() };
        let stored = match line.ask(|| line.s3.get_described(&sample.uri, &ask)).await {
            Ok((_, described)) => described.stored,
            Err(Error::Aws { code, .. }) if code == "InvalidObjectState" => Stored::default(),
            Err(error) => return Err(error),
        };
        if self.wishes.storage.without_tags {
            return Ok(stored);
        }
        let tags = line.ask(|| line.s3.tags(&sample.uri, sample.version.as_deref())).await.map_err(or_without_tags)?;
        Ok(Stored { tags, ..stored })
    }

    /// Lists the targets, as the copy will: what is there is not copied again. Who replaces whatever is there need not
    /// know of it.
    async fn look(&self, line: &Line) -> Result<()> {
        for pick in &self.picks {
            let CopyPick::Prefix { target, .. } = pick else { continue };
            match line.ask(|| line.s3.page_from(target, Depth::All, Begin::First)).await {
                Err(Error::Denied { .. }) if self.wishes.if_exists == IfExists::Overwrite => {}
                Err(Error::Denied { action, resource, message, hint }) => {
                    let hint = hint.unwrap_or_default();
                    let hint = Some(format!("{hint}; or replace whatever is there without a look: --force"));
                    return Err(Error::Denied { action, resource, message, hint });
                }
                answer => _ = answer?,
            }
        }
        Ok(())
    }
}

/// A refusal of tags, and that they may stay behind.
pub(super) fn or_without_tags(error: Error) -> Error {
    match error {
        Error::Denied { action, resource, message, hint } => {
            let hint = hint.unwrap_or_default();
            let hint = Some(format!("{hint}; or leave the tags behind: --no-tags"));
            Error::Denied { action, resource, message, hint }
        }
        other => other,
    }
}

/// Begins an upload at the sample's place, and gives it up again.
async fn upload(
    way: Way,
    line: &Line,
    sample: &Sample,
    (stored, storage): (&Stored, &Storage),
) -> Result<(), (Step, Error)> {
    let begin = || line.s3.begin_upload(&sample.target, (stored, storage), Algorithm::Crc64Nvme);
    let upload = line.ask(begin).await.map_err(|error| (Step::Begin, error))?;
    let part = match way {
        Way::Streamed => Ok(()),
        Way::Server => copy_part(line, sample, &upload).await,
    };
    let given_up = line.ask(|| line.s3.abort(&upload)).await;
    part.map_err(|error| (Step::Part, error))?;
    given_up.map_err(|error| (Step::Begin, error))
}

/// Has S3 copy a part of the sample into an upload.
async fn copy_part(line: &Line, sample: &Sample, upload: &Upload) -> Result<()> {
    let (uri, version) = (sample.uri.clone(), sample.version.clone());
    let source = Source { uri, version, etag: sample.object.etag.clone() };
    let range = (sample.object.size > RANGES_FROM).then_some(0..RANGES_FROM);
    match line.ask(|| line.s3.copy_part(&source, range.clone(), upload, 1)).await {
        Err(Error::Aws { code, .. }) if code == "InvalidObjectState" => Ok(()),
        // A part of no bytes is none.
        Err(Error::Aws { .. }) if sample.object.size == 0 => Ok(()),
        answer => answer.map(|_| ()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_role_that_can_do_both_comes_first() {
        let profile = crate::config::parse(
            "[[accounts]]\nname = \"a\"\nid = \"111111111111\"\n\
             roles = [{ name = \"One\" }, { name = \"Two\" }]\n[sources.s]\nprofile = \"x\"",
            std::path::Path::new("x"),
        );
        let profile = profile.unwrap();
        let (from, to) = (profile.find("a/One").unwrap(), profile.find("a/Two").unwrap());
        let all = ways(Roles { from, to });
        assert_eq!(all[0], (Way::Server, to, to));
        assert_eq!(all[2], (Way::Streamed, from, to));
        assert_eq!(all.len(), 5);
        assert_eq!(ways(Roles { from: to, to }), [(Way::Server, to, to), (Way::Streamed, to, to)]);
    }
}
