//! What runs in a task: images with scripted behaviour.

/// What images of a name do.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Matches an image whose repository path contains this.
    pub pattern: String,
}
