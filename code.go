package citycard

// Code is a stable error code; the catalogue gives its HTTP status, texts and next step.
type Code string

// The codes. Catalogue lists each of them once.
const (
	CodeMalformedRequest       Code = "malformed_request"
	CodeInvalidPayload         Code = "invalid_payload"
	CodeContentDigestInvalid   Code = "content_digest_invalid"
	CodeIdempotencyKeyRequired Code = "idempotency_key_required"
	CodeIDLength               Code = "id_length"
	CodeIDCharset              Code = "id_charset"
	CodeIDDate                 Code = "id_date"
	CodeIDRegion               Code = "id_region"
	CodeIDCheckDigit           Code = "id_check_digit"
	CodeNameEmpty              Code = "name_empty"
	CodeNameTooLong            Code = "name_too_long"

	CodeLoginCodeInvalid     Code = "login_code_invalid"
	CodeCredentialsInvalid   Code = "credentials_invalid"
	CodeSessionRequired      Code = "session_required"
	CodeSessionExpired       Code = "session_expired"
	CodeSignatureRequired    Code = "signature_required"
	CodeInsufficientCoverage Code = "insufficient_coverage"
	CodeSignatureInvalid     Code = "signature_invalid"
	CodeTimestampSkew        Code = "timestamp_skew"
	CodeKeyUnknown           Code = "key_unknown"
	CodeKeyExpired           Code = "key_expired"

	CodeRoleRequired         Code = "role_required"
	CodeIdentityMismatch     Code = "identity_mismatch"
	CodeFaceRequired         Code = "face_required"
	CodePartnerScope         Code = "partner_scope"
	CodePartnerSuspended     Code = "partner_suspended"
	CodeBankNotIssuer        Code = "bank_not_issuer"
	CodeAgentNotAuthorised   Code = "agent_not_authorised"
	CodePlaceNotDesignated   Code = "place_not_designated"
	CodeSecondPersonRequired Code = "second_person_required"
	CodeCallerNotIdentified  Code = "caller_not_identified"
	CodeCrossOrigin          Code = "cross_origin"

	CodeCardNotMatched   Code = "card_not_matched"
	CodeNotFound         Code = "not_found"
	CodeMethodNotAllowed Code = "method_not_allowed"

	CodeMultipleCards         Code = "multiple_cards"
	CodeCardNotCollected      Code = "card_not_collected"
	CodeCardTempLost          Code = "card_temp_lost"
	CodeCardFormalLost        Code = "card_formal_lost"
	CodeCardAutoLost          Code = "card_auto_lost"
	CodeCardFrozen            Code = "card_frozen"
	CodeCardCanceled          Code = "card_canceled"
	CodeCardExpired           Code = "card_expired"
	CodeSocialNotActive       Code = "social_not_active"
	CodeFinancialNotActive    Code = "financial_not_active"
	CodeInvalidTransition     Code = "invalid_transition"
	CodeFormalLossIrrevocable Code = "formal_loss_irrevocable"
	CodeReissueOpen           Code = "reissue_open"
	CodeRequestInProgress     Code = "request_in_progress"
	CodeNonceReused           Code = "nonce_reused"
	CodeTwoCardOrder          Code = "two_card_order"
	CodeVersionConflict       Code = "version_conflict"

	CodeBodyTooLarge         Code = "body_too_large"
	CodeUnsupportedMediaType Code = "unsupported_media_type"

	CodeEventIDReused           Code = "event_id_reused"
	CodeOccurredInFuture        Code = "occurred_in_future"
	CodePasswordInBody          Code = "password_in_body"
	CodeWaiverReasonRequired    Code = "waiver_reason_required"
	CodeUnsupportedDocumentType Code = "unsupported_document_type"

	CodeRateLimited    Code = "rate_limited"
	CodeAttemptsLocked Code = "attempts_locked"

	CodeInternal Code = "internal_error"

	CodePlatformUnavailable Code = "platform_unavailable"
	CodeBankUnavailable     Code = "bank_unavailable"
	CodeStorageUnavailable  Code = "storage_unavailable"
	CodeReadOnly            Code = "read_only"
)
