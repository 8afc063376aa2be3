from sqlalchemy import select

from app.core.security.qr_token import token_hash
from app.visitors.models import RetiredQrCode, Visitor
from app.visitors.repository import VisitorReader


class PassReader(VisitorReader):
    async def current(self, token: str) -> Visitor | None:
        return await self.session.scalar(self.statement().where(Visitor.qr_code == token))

    async def was_replaced(self, token: str) -> bool:
        found = await self.session.scalar(
            select(RetiredQrCode.visitor_id).where(RetiredQrCode.token_hash == token_hash(token))
        )
        return found is not None
