"""Commands as a screen names them, so that they can be copied as they stand."""

from app_streamlit import reads


def command(words: str, shop: str) -> str:
    """Return `regulars` with these words as code; it names the shop where several are configured."""
    shops = reads.settings().shops
    return f"`regulars {words}{f' --shop {shop}' if len(shops) > 1 and shop in shops else ''}`"
