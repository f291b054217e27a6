//! Bar charts over time; positions in percent of the chart's width.

use sparkproof_base::events::PodMoment;

use super::model::{Model, Moment, Phase, PodLife, State, Step};
use super::text::duration;

/// Rows of bars over one time axis.
pub(super) struct Chart {
    pub(super) ticks: Vec<Tick>,
    pub(super) rows: Vec<ChartRow>,
}

/// A tick of the axis.
pub(super) struct Tick {
    pub(super) left: f64,
    pub(super) label: String,
}

/// One row of the chart.
pub(super) struct ChartRow {
    pub(super) label: String,
    pub(super) class: &'static str,
    pub(super) bars: Vec<Bar>,
    pub(super) time: String,
    pub(super) detail: String,
}

/// A bar; `title` is its tooltip.
pub(super) struct Bar {
    pub(super) left: f64,
    pub(super) width: f64,
    pub(super) class: &'static str,
    pub(super) title: String,
}

/// A bar between two times, in seconds since the run's start.
#[derive(Clone, Copy)]
struct Axis {
    from: f64,
    to: f64,
}

impl Axis {
    fn new(from: f64, to: f64) -> Self {
        Axis { from, to: to.max(from + 0.001) }
    }

    fn percent(self, at: f64) -> f64 {
        ((at - self.from) / (self.to - self.from) * 100.0).clamp(0.0, 100.0)
    }

    fn bar(self, from: f64, to: f64, class: &'static str, title: String) -> Bar {
        let left = self.percent(from);
        // A minimum width keeps short bars visible.
        Bar { left, width: (self.percent(to) - left).max(0.25), class, title }
    }

    /// About six ticks at round times.
    fn ticks(self) -> Vec<Tick> {
        const ROUND: [f64; 14] =
            [0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0];
        let span = self.to - self.from;
        let step = ROUND.into_iter().find(|step| span / step <= 7.0).unwrap_or(7200.0);
        let label = |at: f64| match (step < 1.0, at >= 60.0) {
            (true, _) => format!("{at:.1} s"),
            (_, false) => format!("{at:.0} s"),
            _ => format!("{:.0}:{:02.0}", (at / 60.0).floor(), at % 60.0),
        };
        (0..)
            .map(|n| (self.from / step).ceil() * step + f64::from(n) * step)
            .take_while(|at| *at <= self.to)
            .map(|at| Tick { left: self.percent(at), label: label(at) })
            .collect()
    }
}

/// Every phase, with its longer steps.
pub(super) fn phases(model: &Model) -> Chart {
    let axis = Axis::new(0.0, model.seconds);
    let visible = |step: &&Step| step.seconds >= (model.seconds * 0.01).max(0.5);
    let rows = model.phases.iter().flat_map(|phase| {
        let steps = phase.steps.iter().filter(visible).map(move |step| step_row(axis, step));
        std::iter::once(phase_row(axis, phase)).chain(steps)
    });
    Chart { ticks: axis.ticks(), rows: rows.collect() }
}

fn phase_row(axis: Axis, phase: &Phase) -> ChartRow {
    let (class, time) = (state(phase.state), duration(phase.seconds));
    let title = format!("{}: {time}", phase.name);
    let bars = vec![axis.bar(phase.at, phase.at + phase.seconds, class, title)];
    let detail = match phase.state {
        State::NotEnded => "did not end".to_owned(),
        _ => phase.detail.clone(),
    };
    ChartRow { label: phase.name.clone(), class, bars, time, detail }
}

fn step_row(axis: Axis, step: &Step) -> ChartRow {
    let time = duration(step.seconds);
    let title = format!("{}: {time} {}", step.name, step.detail);
    let bars = vec![axis.bar(step.at, step.at + step.seconds, state(step.state), title)];
    ChartRow { label: step.name.clone(), class: "step", bars, time, detail: step.detail.clone() }
}

/// The CSS class of a state.
pub(super) fn state(state: State) -> &'static str {
    match state {
        State::Ok | State::Cached => "ok",
        State::Failed => "failed",
        State::Interrupted => "interrupted",
        State::NotEnded => "open",
    }
}

/// The columns of a pod's life: moment, name, CSS class of the time after it.
pub(super) const LIFE: [(PodMoment, &str, &str); 7] = [
    (PodMoment::Created, "created", "created"),
    (PodMoment::Scheduled, "scheduled", "scheduled"),
    (PodMoment::Started, "started", "started"),
    (PodMoment::Ready, "ready", "ready"),
    (PodMoment::Registered, "registered", "registered"),
    (PodMoment::Ended, "ended", "ended"),
    (PodMoment::Deleted, "deleted", ""),
];

impl PodLife {
    /// The time at which a moment was first seen.
    pub(super) fn first(&self, moment: PodMoment) -> Option<f64> {
        self.moments.iter().find(|m| m.moment == moment).map(|m| m.at)
    }
}

/// One row a pod, from the first pod to the end of the last.
pub(super) fn pods(model: &Model) -> Chart {
    let times = || model.pods.iter().flat_map(|p| &p.moments).map(|m| m.at);
    let from = times().fold(f64::INFINITY, f64::min);
    let still_there = model.pods.iter().any(|p| p.first(PodMoment::Deleted).is_none());
    let to = if still_there { model.seconds } else { times().fold(0.0, f64::max) };
    if !from.is_finite() {
        return Chart { ticks: Vec::new(), rows: Vec::new() };
    }
    let axis = Axis::new(from, to);
    Chart { ticks: axis.ticks(), rows: model.pods.iter().map(|pod| pod_row(axis, pod)).collect() }
}

fn pod_row(axis: Axis, pod: &PodLife) -> ChartRow {
    let end = pod.first(PodMoment::Deleted).unwrap_or(axis.to);
    // Sorted by time, not by rank: an interrupted watch delivers late.
    let mut stages: Vec<_> = LIFE[..6]
        .iter()
        .filter_map(|(moment, name, class)| Some((pod.first(*moment)?, *name, *class)))
        .collect();
    stages.sort_by(|a, b| a.0.total_cmp(&b.0));
    let ends = stages.iter().skip(1).map(|s| s.0).chain([end]).collect::<Vec<_>>();
    let bars = stages.iter().zip(ends).filter(|((at, ..), until)| until >= at).map(
        |((at, name, class), until)| {
            let title =
                format!("{name} at {}, {} in this state", duration(*at), duration(until - at));
            axis.bar(*at, until, class, title)
        },
    );
    let remark = |m: &&Moment| matches!(m.moment, PodMoment::Waiting | PodMoment::Ended);
    let mut remarks: Vec<&str> =
        pod.moments.iter().filter(remark).map(|m| m.detail.as_str()).collect();
    remarks.dedup();
    let begin = stages.first().map_or(end, |s| s.0);
    ChartRow {
        label: pod.pod.clone(),
        class: "pod",
        bars: bars.collect(),
        time: duration(end - begin),
        detail: remarks.join(", "),
    }
}
