//! The promises of drtool, one file each: the real SDK against the simulated AWS, in this process, in virtual time.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod by_hand;
#[cfg(test)]
mod drills;
#[cfg(test)]
mod images;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod lost_replies;
#[cfg(test)]
mod moved;
#[cfg(test)]
mod moves;
#[cfg(test)]
mod order;
#[cfg(test)]
mod parameters;
#[cfg(test)]
mod readers;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod same;
#[cfg(test)]
mod sandbox;
#[cfg(test)]
mod shapes;
#[cfg(test)]
mod stories;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod variants;
#[cfg(test)]
mod world;
