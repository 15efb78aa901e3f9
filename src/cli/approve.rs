//! `drtool approve`: answers the question that a run waits for, from another terminal.

use clap::Args;
use drtool_engine::event::{Answer, Event};
use drtool_engine::journal::{Letter, Wish};
use drtool_engine::{StepId, Timestamp};

use super::{Shared, carry, records, tell};
use crate::failure::{Exit, Failure, Failures};

#[derive(Debug, Args)]
pub struct Approve {
    /// The run's id.
    pub run: String,
    /// The step that waits.
    pub step: String,
    /// Refuse instead.
    #[arg(long)]
    pub decline: bool,
}

pub fn run(command: &Approve, shared: &Shared) -> Result<Exit, Failures> {
    let place = records::place(&shared.whither.runs(), &records::id(&command.run)?);
    let records = records::read(&place)?;
    let step = StepId::new(&command.step).map_err(|bad| Failure::input("E1040", bad))?;
    // An answer belongs to one question: a later one is asked anew.
    let asked = records
        .iter()
        .rev()
        .find(|r| matches!(&r.event, Event::Asked { step: of, .. } if *of == step));
    let Some(asked) = asked else {
        return Err(Failure::input(
            "E1042",
            format!(
                "step `{step}` of run {} has not asked anything",
                place.run()
            ),
        )
        .hint(format!("drtool status {}", place.run()))
        .into());
    };
    let answer = if command.decline {
        Answer::No
    } else {
        Answer::Yes
    };
    let letter = Letter {
        by: carry::who(),
        at: Timestamp::now(),
        wish: Wish::Answer {
            step,
            asked: asked.number,
            answer,
        },
    };
    place.post(&letter).map_err(|error| {
        Failure::new(
            "E3032",
            Exit::State,
            "the answer cannot be left beside the journal",
        )
        .cause(error)
    })?;
    if !place.held() {
        tell(&format!(
            "nobody carries the run out now; it hears the answer when it goes on: drtool resume {}{}\n",
            place.run(),
            shared.whither.again()
        ));
    }
    Ok(Exit::Done)
}
