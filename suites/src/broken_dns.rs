//! Deliberately broken cluster DNS: the proof that the rules about names bite. The controller is the reference.

use engine::cluster::DnsFault;

/// A name server with one defect.
#[derive(Clone, Copy, Debug)]
pub struct BrokenDns {
    /// Its id, such as `D-001`.
    pub id: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The defect in one sentence.
    pub defect: &'static str,
    /// Ids of the rules that must fire.
    pub killed_by: &'static [&'static str],
    /// Ids of rules that may fire as well, as a consequence of the defect.
    pub may_also: &'static [&'static str],
    /// The defect.
    pub fault: DnsFault,
}

/// All of them, in a fixed order.
pub static BROKEN_DNS: &[BrokenDns] = &[
    BrokenDns {
        id: "D-001",
        name: "first-member-only",
        defect: "Answers for a headless service with one member only.",
        killed_by: &["DN-01"],
        may_also: &[],
        fault: DnsFault::FirstMemberOnly,
    },
    BrokenDns {
        id: "D-002",
        name: "one-address-for-all",
        defect: "Answers for every member with the address of the first one.",
        killed_by: &["DN-02"],
        may_also: &["DN-11"],
        fault: DnsFault::OneAddressForAll,
    },
    BrokenDns {
        id: "D-003",
        name: "names-everybody",
        defect: "Gives names to pods that have no hostname.",
        killed_by: &["DN-03"],
        may_also: &["DN-02"],
        fault: DnsFault::NamesEverybody,
    },
    BrokenDns {
        id: "D-004",
        name: "publishes-unready",
        defect: "Gives out the addresses of members that are not Ready.",
        killed_by: &["DN-08", "DN-10"],
        may_also: &["DN-01", "DN-02", "DN-12"],
        fault: DnsFault::PublishesUnready,
    },
    BrokenDns {
        id: "D-005",
        name: "forgets-nothing",
        defect: "Never takes a name or an address back.",
        killed_by: &["DN-11"],
        may_also: &["DN-01", "DN-02", "DN-08", "DN-10"],
        fault: DnsFault::ForgetsNothing,
    },
    BrokenDns {
        id: "D-008",
        name: "keeps-the-last-member",
        defect: "Answers for a headless service with the last member when there is none any more.",
        killed_by: &["DN-12"],
        may_also: &["DN-10", "DN-01"],
        fault: DnsFault::KeepsTheLastMember,
    },
    BrokenDns {
        id: "D-009",
        name: "keeps-member-names",
        defect: "Answers for a member that is gone as it did before.",
        killed_by: &["DN-17"],
        may_also: &["DN-08", "DN-10", "DN-02"],
        fault: DnsFault::KeepsMemberNames,
    },
    BrokenDns {
        id: "D-006",
        name: "ordinary-as-headless",
        defect: "Answers for an ordinary service with the addresses of its members.",
        killed_by: &["DN-13"],
        may_also: &[],
        fault: DnsFault::OrdinaryAsHeadless,
    },
    BrokenDns {
        id: "D-007",
        name: "compares-case",
        defect: "Tells upper from lower case.",
        killed_by: &["DN-15"],
        may_also: &[],
        fault: DnsFault::ComparesCase,
    },
];
