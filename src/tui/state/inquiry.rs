//! An inquiry: why something is refused and what would mend it, or what there is to know of a role.

use tui_input::Input;

use crate::domain::explain::Inspection;
use crate::domain::policy::least::Grant;
use crate::domain::role::RoleIndex;
use crate::domain::uri::S3Uri;
use crate::error::Error;
use crate::ops::explain::Explanation;
use crate::ops::mend::Mending;
use crate::tui::msg::Ticket;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// Whether the role can be assumed, and reach this.
    Access {
        /// The role.
        role: RoleIndex,
        /// What it should reach.
        uri: Option<S3Uri>,
        /// Whether it should write there, and not read.
        write: bool,
    },
    /// The role itself.
    Role(RoleIndex),
}

impl About {
    /// The role that it is about.
    pub fn role(&self) -> RoleIndex {
        match self {
            Self::Access { role, .. } | Self::Role(role) => *role,
        }
    }

    /// Why `role` is refused, there or at all.
    pub fn access(role: RoleIndex, uri: Option<S3Uri>) -> Self {
        Self::Access { role, uri, write: false }
    }
}

/// What is known.
#[derive(Debug)]
pub enum Told {
    /// AWS is asked.
    Asking(Ticket),
    /// The explanation.
    Access(Box<Explanation>),
    /// The role.
    Role(Box<Inspection>),
    /// It could not be asked.
    Failed(Error),
    /// A session is wanted first.
    Nothing,
}

/// What a session is wanted for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It is the role that is asked about: AWS is asked for real.
    Ask,
    /// To look with.
    Look,
    /// To write what is missing.
    Mend(Box<Grant>),
}

/// What stands in front of the answer.
#[derive(Debug)]
pub enum Step {
    /// Who looks too.
    With {
        /// All that can.
        roles: Vec<RoleIndex>,
        /// The one under the cursor.
        at: usize,
    },
    /// Who writes.
    Mender {
        /// What is written.
        grant: Box<Grant>,
        /// Those of its account.
        roles: Vec<RoleIndex>,
        /// The one under the cursor.
        at: usize,
    },
    /// The account of a role is guarded: its name is typed before the role is assumed.
    Guard {
        /// The role.
        role: RoleIndex,
        /// What for.
        purpose: Purpose,
        /// The text so far.
        input: Input,
    },
    /// A role is being assumed.
    Session {
        /// Its ticket.
        ticket: Ticket,
        /// The role.
        role: RoleIndex,
        /// What for.
        purpose: Purpose,
        /// The question whose answer goes with it.
        question: Option<String>,
    },
    /// A role wants an MFA code.
    Code {
        /// The role.
        role: RoleIndex,
        /// What for.
        purpose: Purpose,
        /// Which device of which role.
        question: String,
        /// The digits so far.
        input: Input,
        /// What was wrong with them, or the demo's code.
        note: Option<String>,
    },
    /// What is there is read.
    Reading {
        /// Its ticket.
        ticket: Ticket,
    },
    /// What would be written; the account's name is typed.
    Name {
        /// What, where, and as whom.
        mending: Box<Mending>,
        /// The text so far.
        input: Input,
        /// Rows above the view.
        top: usize,
    },
    /// It is written.
    Writing {
        /// Its ticket.
        ticket: Ticket,
        /// What and where, in words.
        place: String,
    },
}

/// An inquiry.
#[derive(Debug)]
pub struct Inquiry {
    /// What is asked.
    pub about: About,
    /// Who looks too.
    pub with: Vec<RoleIndex>,
    /// What is known.
    pub told: Told,
    /// Rows above the view.
    pub top: usize,
    /// What stands in front of that.
    pub step: Option<Step>,
    /// What happened last, and whether it went well.
    pub note: Option<(String, bool)>,
    /// Whether the command was copied, so that the policy comes next.
    pub copied: bool,
}

impl Inquiry {
    /// One about which nothing is known yet.
    pub fn new(about: About) -> Self {
        Self { about, with: Vec::new(), told: Told::Nothing, top: 0, step: None, note: None, copied: false }
    }

    /// The explanation, where it is there.
    pub fn explanation(&self) -> Option<&Explanation> {
        match &self.told {
            Told::Access(explanation) => Some(explanation),
            _ => None,
        }
    }

    /// The question that runs for the answer itself.
    pub fn asking(&self) -> Option<Ticket> {
        match self.told {
            Told::Asking(ticket) => Some(ticket),
            _ => None,
        }
    }

    /// Whether something is waited for.
    pub fn waits(&self) -> bool {
        let step = matches!(self.step, Some(Step::Session { .. } | Step::Reading { .. } | Step::Writing { .. }));
        step || self.asking().is_some()
    }

    /// Where text is typed now.
    pub fn input(&mut self) -> Option<&mut Input> {
        match &mut self.step {
            Some(Step::Guard { input, .. } | Step::Code { input, .. } | Step::Name { input, .. }) => Some(input),
            _ => None,
        }
    }
}
