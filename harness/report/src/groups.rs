//! Checks by topic, those of reading by variant; green variants are folded.

use sparkproof_base::events::Configuration;
use sparkproof_catalog::{Variant, order_of, read_check};

use super::model::{Check, CheckOutcome, Model};
use super::text::duration;

/// Checks of one topic (the part of their ids before the dot), or of one variant of reading.
pub(super) struct Group<'a> {
    pub(super) topic: &'a str,
    /// The summary of a folded group; none if the group is open.
    pub(super) folded: Option<Folded<'a>>,
    pub(super) checks: Vec<Shown<'a>>,
}

/// The summary of a folded group.
pub(super) struct Folded<'a> {
    /// Whether it is the first group of reading, below the heading.
    pub(super) first: bool,
    pub(super) title: &'a str,
    /// Number of checks and their duration, in words.
    pub(super) sum: String,
    /// The check that decides the group's outcome.
    pub(super) worst: &'a Check,
    /// The configuration of the session for this variant.
    pub(super) configuration: Option<&'a Configuration>,
}

/// A check in its group.
pub(super) struct Shown<'a> {
    pub(super) check: &'a Check,
    /// The id without the group's title.
    pub(super) title: &'a str,
}

impl Folded<'_> {
    pub(super) fn open(&self) -> bool {
        self.worst.outcome == CheckOutcome::Red
    }
}

/// Topics in the order in which they first came; within a topic red checks first.
pub(super) fn groups(model: &Model) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for check in &model.checks {
        let variant = read_check(&check.id).map(|of| of.variant);
        let topic = variant.unwrap_or_else(|| check.id.split('.').next().unwrap_or_default());
        let prefix =
            variant.map(Variant::title_of).filter(|it| !it.is_empty()).map(|it| format!("{it}: "));
        let title = prefix.and_then(|p| check.title.strip_prefix(&p)).unwrap_or(&check.title);
        let shown = Shown { check, title };
        match groups.iter_mut().find(|g| g.topic == topic) {
            Some(group) => group.checks.push(shown),
            None => groups.push(Group { topic, folded: None, checks: vec![shown] }),
        }
    }
    for group in &mut groups {
        group.checks.sort_by_key(|shown| rank(shown.check));
        group.folded = folded(model, group);
    }
    // Variants are together, in their order, at the place of the first one.
    if let Some(first) = groups.iter().position(|g| g.folded.is_some()) {
        let (mut of_variants, others): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|g| g.folded.is_some());
        of_variants.sort_by_key(|g| order_of(g.topic));
        if let Some(folded) = of_variants.first_mut().and_then(|g| g.folded.as_mut()) {
            folded.first = true;
        }
        groups = others;
        groups.splice(first..first, of_variants);
    }
    groups
}

fn rank(check: &Check) -> u8 {
    match check.outcome {
        CheckOutcome::Red => 0,
        CheckOutcome::Skipped => 1,
        CheckOutcome::Green => 2,
    }
}

fn folded<'a>(model: &'a Model, group: &Group<'a>) -> Option<Folded<'a>> {
    let worst = group.checks.first()?.check;
    read_check(&worst.id)?;
    let seconds = group.checks.iter().map(|shown| shown.check.seconds).sum();
    let (count, s) = (group.checks.len(), if group.checks.len() == 1 { "" } else { "s" });
    Some(Folded {
        first: false,
        title: Variant::title_of(group.topic),
        sum: format!("{count} check{s}, {}", duration(seconds)),
        worst,
        configuration: model.configurations.iter().rfind(|c| c.variant == group.topic),
    })
}
