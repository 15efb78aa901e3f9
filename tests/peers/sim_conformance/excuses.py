"""Operations that no check sees succeed, or sees refused, each with the reason."""

NO_SUCCESS = {}

NO_ERROR = {}
