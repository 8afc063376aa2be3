"""SQL of passes."""

from sqlalchemy import select

from app.core.security.qr_token import token_hash
from app.visitors.models import RetiredQrCode, Visitor
from app.visitors.repository import VisitorReader


class PassReader(VisitorReader):
    """Looks visitors up by the token of their pass."""

    async def current(self, token: str) -> Visitor | None:
        """The visitor whose pass this is now."""
        return await self.session.scalar(self.statement().where(Visitor.qr_code == token))

    async def was_replaced(self, token: str) -> bool:
        """Return whether another pass has taken this one's place."""
        found = await self.session.scalar(
            select(RetiredQrCode.visitor_id).where(RetiredQrCode.token_hash == token_hash(token))
        )
        return found is not None
