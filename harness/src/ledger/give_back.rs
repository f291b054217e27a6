//! Gives back one thing.
use super::Owned;
use crate::context::Context;
use crate::error::Result;
/// TEMPORARY until the engine branch lands.
pub async fn give_back(context: &Context, owned: &Owned) -> Result<()> {
    context.run.gave_back(owned)
}
