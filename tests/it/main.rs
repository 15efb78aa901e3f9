//! The promises of drtool, one file each: the real SDK against the simulated AWS, in this process, in virtual time.

<<<<<<< HEAD
mod images;
=======
mod moves;
>>>>>>> 53fef08 (steps: a status that nobody knows is neither good nor bad; tests, peers and CI)
mod sandbox;
