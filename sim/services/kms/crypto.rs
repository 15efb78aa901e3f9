//! Encrypting and decrypting: made-up ciphertexts that hold together.
//!
//! A blob names the key, and is the plaintext under a key stream of hashes with a tag over the encryption context. This is
//! no cryptography and protects nothing; it only makes the right key, state and context necessary.

use super::key::Key;
use super::{named, named_as};
use crate::error::AwsError;
use crate::world::{Cx, Input};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const MARK: u8 = 0x01;
const NONCE: usize = 16;
const TAG: usize = 16;

/// The key stream of a key: related multi-region keys share their id and so their material.
fn stream(key_id: &str, nonce: &[u8], length: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(length + 32);
    let mut block = 0_u64;
    while out.len() < length {
        let mut hash = Sha256::new();
        hash.update(b"key material of ");
        hash.update(key_id.as_bytes());
        hash.update(nonce);
        hash.update(block.to_be_bytes());
        out.extend_from_slice(&hash.finalize());
        block += 1;
    }
    out.truncate(length);
    out
}

fn tag(key_id: &str, nonce: &[u8], plaintext: &[u8], context: &Value) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(key_id.as_bytes());
    hash.update(nonce);
    hash.update(plaintext);
    let mut pairs: Vec<(&String, &Value)> = context
        .as_object()
        .map(|o| o.iter().collect())
        .unwrap_or_default();
    pairs.sort_by_key(|(name, _)| *name);
    for (name, value) in pairs {
        hash.update([0]);
        hash.update(name.as_bytes());
        hash.update([1]);
        hash.update(value.as_str().unwrap_or_default().as_bytes());
    }
    hash.finalize()[..TAG].to_vec()
}

fn seal(cx: &mut Cx<'_>, key_id: &str, plaintext: &[u8], context: &Value) -> String {
    let nonce = cx.hex("nonce", NONCE).into_bytes();
    let mut blob = vec![MARK, key_id.len() as u8];
    blob.extend_from_slice(key_id.as_bytes());
    blob.extend_from_slice(&nonce);
    blob.extend_from_slice(&tag(key_id, &nonce, plaintext, context));
    let mask = stream(key_id, &nonce, plaintext.len());
    blob.extend(plaintext.iter().zip(mask).map(|(p, m)| p ^ m));
    STANDARD.encode(blob)
}

fn invalid() -> AwsError {
    AwsError::new("InvalidCiphertextException", "")
}

/// The key id of a blob, and what opens it.
struct Sealed {
    key_id: String,
    nonce: Vec<u8>,
    tag: Vec<u8>,
    body: Vec<u8>,
}

fn unwrap(blob: &str) -> Result<Sealed, AwsError> {
    let bytes = STANDARD.decode(blob).map_err(|_| invalid())?;
    let length = match bytes.as_slice() {
        [MARK, length, ..] => usize::from(*length),
        _ => return Err(invalid()),
    };
    let rest = &bytes[2..];
    if rest.len() < length + NONCE + TAG {
        return Err(invalid());
    }
    let (key_id, rest) = rest.split_at(length);
    let (nonce, rest) = rest.split_at(NONCE);
    let (tag, body) = rest.split_at(TAG);
    Ok(Sealed {
        key_id: String::from_utf8(key_id.to_vec()).map_err(|_| invalid())?,
        nonce: nonce.to_vec(),
        tag: tag.to_vec(),
        body: body.to_vec(),
    })
}

fn open(sealed: &Sealed, context: &Value) -> Result<Vec<u8>, AwsError> {
    let mask = stream(&sealed.key_id, &sealed.nonce, sealed.body.len());
    let plaintext: Vec<u8> = sealed.body.iter().zip(mask).map(|(c, m)| c ^ m).collect();
    if tag(&sealed.key_id, &sealed.nonce, &plaintext, context) != sealed.tag {
        return Err(invalid());
    }
    Ok(plaintext)
}

fn context(input: &Input, member: &str) -> Value {
    input.value.get(member).cloned().unwrap_or(Value::Null)
}

/// A dry run has answered by failing with this.
fn dry(input: &Input) -> Result<(), AwsError> {
    if input.bool("DryRun") != Some(true) {
        return Ok(());
    }
    let message = "The request would have succeeded, but the DryRun option is set.";
    Err(AwsError::new("DryRunOperationException", message).status(412))
}

pub fn encrypt(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let key = named(cx, input, "KeyId", true)?;
    key.check_usable()?;
    let plaintext = STANDARD
        .decode(input.str("Plaintext").unwrap_or_default())
        .map_err(|_| AwsError::new("ValidationException", "Plaintext is not base64"))?;
    if plaintext.is_empty() || plaintext.len() > 4096 {
        return Err(AwsError::new(
            "ValidationException",
            "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length \
             less than or equal to 4096",
        ));
    }
    dry(input)?;
    let blob = seal(
        cx,
        &key.id,
        &plaintext,
        &context(input, "EncryptionContext"),
    );
    Ok(
        json!({"CiphertextBlob": blob, "KeyId": key.arn, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}),
    )
}

/// The key of a blob in the called region. KMS does not say which of the three reasons it is.
fn key_of(cx: &mut Cx<'_>, input: &Input, sealed: &Sealed, action: &str) -> Result<Key, AwsError> {
    named_as(cx, input, &sealed.key_id, false, Some(action)).map_err(|_| {
        let message = "The ciphertext refers to a customer master key that does not exist, does not exist in this \
                       region, or you are not allowed to access.";
        AwsError::new("AccessDeniedException", message).status(400)
    })
}

pub fn decrypt(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let sealed = unwrap(input.str("CiphertextBlob").unwrap_or_default())?;
    if input.has("KeyId") {
        let named = named(cx, input, "KeyId", true)?;
        if named.id != sealed.key_id {
            return Err(incorrect());
        }
    }
    let key = key_of(cx, input, &sealed, "Decrypt")?;
    key.check_usable()?;
    let plaintext = open(&sealed, &context(input, "EncryptionContext"))?;
    dry(input)?;
    Ok(json!({
        "KeyId": key.arn,
        "Plaintext": STANDARD.encode(plaintext),
        "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
    }))
}

fn incorrect() -> AwsError {
    let message =
        "The key ID in the request does not identify a CMK that can perform this operation.";
    AwsError::new("IncorrectKeyException", message)
}

pub fn re_encrypt(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let sealed = unwrap(input.str("CiphertextBlob").unwrap_or_default())?;
    if let Some(any) = input.str("SourceKeyId").map(str::to_owned)
        && named_as(cx, input, &any, true, Some("ReEncryptFrom"))?.id != sealed.key_id
    {
        return Err(incorrect());
    }
    let source = key_of(cx, input, &sealed, "ReEncryptFrom")?;
    source.check_usable()?;
    let any = input.str("DestinationKeyId").unwrap_or_default().to_owned();
    let destination = named_as(cx, input, &any, true, Some("ReEncryptTo"))?;
    destination.check_usable()?;
    let plaintext = open(&sealed, &context(input, "SourceEncryptionContext"))?;
    dry(input)?;
    let blob = seal(
        cx,
        &destination.id,
        &plaintext,
        &context(input, "DestinationEncryptionContext"),
    );
    Ok(json!({
        "CiphertextBlob": blob,
        "SourceKeyId": source.arn,
        "KeyId": destination.arn,
        "SourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "DestinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
    }))
}

fn random_bytes(cx: &mut Cx<'_>, length: usize) -> Vec<u8> {
    let seed = cx.hex("data-key", 32);
    stream("data key", seed.as_bytes(), length)
}

pub fn data_key(cx: &mut Cx<'_>, input: &Input, with_plaintext: bool) -> Result<Value, AwsError> {
    let key = named(cx, input, "KeyId", true)?;
    key.check_usable()?;
    let length = match (input.str("KeySpec"), input.i64("NumberOfBytes")) {
        (Some("AES_256"), None) => 32,
        (Some("AES_128"), None) => 16,
        (None, Some(bytes)) => usize::try_from(bytes).unwrap_or_default(),
        _ => {
            let message = "Please specify either number of bytes or key spec.";
            return Err(AwsError::new("ValidationException", message));
        }
    };
    dry(input)?;
    let plaintext = random_bytes(cx, length);
    let blob = seal(
        cx,
        &key.id,
        &plaintext,
        &context(input, "EncryptionContext"),
    );
    let mut out = json!({"CiphertextBlob": blob, "KeyId": key.arn});
    if with_plaintext {
        out["Plaintext"] = json!(STANDARD.encode(plaintext));
    }
    Ok(out)
}

pub fn random(cx: &mut Cx<'_>, input: &Input) -> Value {
    let length = usize::try_from(input.i64("NumberOfBytes").unwrap_or(32)).unwrap_or_default();
    json!({"Plaintext": STANDARD.encode(random_bytes(cx, length))})
}
