//! The data of the guide is whole.

use std::collections::BTreeSet;

use super::*;

const LISTS: [List; 2] = [List::AsWritten, List::Corrected];

#[test]
fn every_step_is_made_in_one_way_and_can_be_judged() {
    for list in LISTS {
        let steps = guide().steps(list);
        let ids: BTreeSet<&str> = steps.iter().map(|step| step.id.as_str()).collect();
        assert_eq!(ids.len(), steps.len(), "{}: an id stands twice", list.name());
        for step in steps {
            let id = &step.id;
            assert_eq!(step.ways(), 1, "{id}");
            let judged = step.kept.is_some();
            let made = matches!(step.typed(), Typed::Act(_));
            assert!(judged != (made || step.not_typed.is_some()), "{id}");
            let asked_again = matches!(step.typed(), Typed::Shell(_));
            assert!(step.within.is_none() || asked_again, "{id}");
            assert!(list == List::AsWritten || step.erratum.is_none(), "{id}");
        }
    }
}

#[test]
fn every_mistake_is_met_by_a_step_or_says_why_not() {
    let guide = guide();
    let met: BTreeSet<&str> =
        guide.as_written.iter().filter_map(|step| step.erratum.as_deref()).collect();
    for name in &met {
        assert!(guide.erratum(name).is_some(), "{name} is not listed");
    }
    for erratum in &guide.errata {
        let name = erratum.name.as_str();
        assert!(met.contains(name) != erratum.reason.is_some(), "{name}");
        assert_eq!(met.contains(name), erratum.observed.is_some(), "{name}");
        let remedied = guide.remedied(erratum);
        assert_eq!(remedied.is_some(), erratum.corrected.is_some(), "{name}");
        let shown = remedied.is_none_or(|step| step.not_typed.is_none() && step.erratum.is_none());
        assert!(shown, "{name}");
        assert!(remedied.is_some() || erratum.reason.is_some(), "{name}");
    }
}

#[test]
fn every_name_is_used_and_filled() {
    let guide = guide();
    let all: String = LISTS
        .into_iter()
        .flat_map(|list| guide.steps(list))
        .map(|step| format!("{} {:?}\n", step.promise, step.typed()))
        .collect();
    for name in &guide.names {
        assert!(all.contains(&format!("<{}>", name.name)), "{}", name.name);
    }
    assert_eq!(guide.written("-n <namespace> <other>"), "-n spark <other>");
}
