"""The forms that create and edit a customer in the shop, and delete one here.

The shop is asked first and its answer is shown at once. What was typed stays until the shop took it: an error of the
shop stands at its field, and where somebody changed the customer there meanwhile, both values are shown and the choice
is theirs who types.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from app_streamlit import actions, reads
from app_streamlit.components import formats, links
from app_streamlit.components.form_state import Form, differences
from app_streamlit.components.person import GUEST
from app_streamlit.components.timeline import field_words
from regulars.directory.query import Person
from regulars.errors import RegularsError, ShopRequestInvalid, StaleVersion
from regulars.shop.customers import Saved
from regulars.shop.fields import PATHS

ACCOUNT = ("email", "first_name", "last_name")
NAMES = ("first_name", "last_name", "company")
PLACES = ("address_1", "address_2", "postcode", "city", "state", "country", "phone")
BILLING = tuple(f"billing.{name}" for name in (*NAMES, *PLACES, "email"))
SHIPPING = tuple(f"shipping.{name}" for name in (*NAMES, *PLACES))
HELP: Mapping[str, str] = {
    "email": "The address of the account in the shop; one account an address.",
    "username": "Cannot be changed later. Left empty, the shop makes one.",
    "billing.country": "The code of two letters, such as DE.",
    "shipping.country": "The code of two letters, such as DE.",
    "billing.state": "The shop's code of the state, where the country has states.",
    "shipping.state": "The shop's code of the state, where the country has states.",
}
TYPES: Mapping[str, Any] = {
    "email": "email",
    "billing.email": "email",
    "billing.phone": "phone",
    "shipping.phone": "phone",
}


def new_customer_button(shop: str) -> None:
    """Show the button that opens the form for a new customer of this shop."""
    if st.button("New customer", icon=":material/person_add:", key=f"new-customer-{shop}"):
        Form(shop, "").forget()
        links.go("customer", {"new": "1"})


def new_customer(shop: str) -> None:
    """Show the form that creates a customer in the shop."""
    st.title("New customer", anchor=False)
    st.caption("Creates an account in the shop. The shop may send its welcome mail to the address.")
    form = Form(shop, "")
    if form.left:
        _gone(form)
    if not form.is_open:
        form.open(dict.fromkeys((*PATHS, "username"), ""))
    _form(form, (*ACCOUNT, "username"), "Create in the shop")


def edit_customer(shop: str, person: Person) -> None:
    """Show the form that changes a customer in the shop, filled with what the shop has now."""
    row = person.row
    form = Form(shop, row["customer_key"])
    if form.left:
        _gone(form)
    st.title(f"Edit {formats.plain(formats.name_of(row))}", anchor=False)
    if (why := _why_not(row)) is not None:
        st.info(why)
        st.button("Back to the profile", key="edit-back", on_click=_leave, args=(form,))
        return
    if not form.is_open and not _opened(form, shop, row["woocommerce_id"]):
        return
    st.caption("Saved in the shop first, and shown here at once.")
    _form(form, ACCOUNT, "Save in the shop", row["woocommerce_id"])


def deletion(shop: str, key: str) -> None:
    """Show the button that deletes a person here, and what that means before it does."""
    with st.popover("Delete", icon=":material/person_remove:", key="delete-person"):
        st.write(
            "Takes this person out of all lists, counts and segments here. The shop keeps the customer, and notes, tags "
            "and orders stay: it can be undone at any time."
        )
        st.button("Delete here", key="delete-here", type="primary", on_click=_hide, args=(shop, key))


def hidden_line(shop: str, person: Person, timezone: str) -> None:
    """Say of a person who was deleted here that they are, and offer to show them again."""
    key = person.row["customer_key"]
    if message := st.session_state.pop(f"hiding-refused-{key}", None):
        st.error(formats.sentence(message, 400))
    if person.hidden is None:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small", key="hidden-line"):
        when = formats.minute(person.hidden.at, timezone)
        st.markdown(
            f":material/visibility_off: **Deleted here** on {formats.plain(when)} by "
            f"{formats.plain(person.hidden.author)}: in no list, count or segment. The shop still has the customer.",
            width="stretch",
        )
        just_now = st.session_state.get("_just_hidden") == key
        label, icon = ("Undo", ":material/undo:") if just_now else ("Show again", ":material/visibility:")
        st.button(label, icon=icon, key="show-again", on_click=_show_again, args=(shop, key))


def saved_line(key: str) -> None:
    """Say once after saving what came of it."""
    if (saved := st.session_state.pop(f"saved-{key}", None)) is None:
        return
    if saved.late:
        st.warning(formats.sentence(saved.late, 600))
    elif saved.changed:
        st.toast("Saved in the shop.", icon=":material/check_circle:")
    else:
        st.toast("Nothing was changed, so nothing was sent.", icon=":material/info:")


def _why_not(row: Mapping[str, Any]) -> str | None:
    if row["woocommerce_id"] is None:
        return f"{GUEST} So there is nothing in the shop to edit; notes and tags can be written on the profile."
    if row["deleted_at"] is not None:
        return "The account was deleted in the shop, so there is nothing there to edit. Its orders stay here."
    return None


def _opened(form: Form, shop: str, woocommerce_id: int) -> bool:
    """Fill the form with what the shop has now; where that cannot be had, say why and offer to try again."""
    try:
        with st.spinner("Asking the shop for the customer…"):
            form.open_record(reads.shop_record(shop, woocommerce_id))
    except RegularsError as error:
        st.error(formats.sentence(error.sentence(), 600))
        with st.container(horizontal=True):
            st.button("Try again", key="edit-again")
            st.button("Back to the profile", key="edit-back", on_click=_leave, args=(form,))
        return False
    return True


def _form(form: Form, account: Sequence[str], label: str, woocommerce_id: int | None = None) -> None:
    if form.saved is not None:
        saved = form.saved
        st.session_state[f"saved-{saved.key}"] = saved
        form.forget()
        links.go_to_person(saved.key)
    with st.form(form.name, border=False, enter_to_submit=False):
        _section("Account", account, form)
        _section("Billing address", BILLING, form)
        _section("Shipping address", SHIPPING, form)
        st.form_submit_button(
            "Ship to the billing address", icon=":material/content_copy:", type="tertiary", on_click=form.copy_billing
        )
        # Above the buttons and not above the form: it is longer than most screens, and this is where people look.
        _problem(form)
        with st.container(horizontal=True):
            if form.conflict is None:
                st.form_submit_button(label, type="primary", on_click=_save, args=(form, woocommerce_id))
            else:
                st.form_submit_button("Save mine", type="primary", on_click=_save_mine, args=(form, woocommerce_id))
                st.form_submit_button("Take the shop's", on_click=form.take_theirs)
            st.form_submit_button("Cancel", on_click=_leave, args=(form,))


def _problem(form: Form) -> None:
    """Say what the shop has against what was typed, or show what it has now, where somebody changed it."""
    said = [f"{_label(path)}: {words}" for path, words in form.errors.items()]
    if form.message or said:
        st.error(formats.sentence(" ".join(["Not saved.", form.message, *said]), 1000))
    if form.conflict is None:
        return
    with st.container(border=True, key="conflict", gap="small"):
        st.warning("Somebody changed this customer in the shop while you were editing. Nothing was saved yet.")
        for path, before, now, mine in differences(form):
            with st.container(gap=None):
                st.caption(_label(path))
                yours = f"yours: {_shown(mine)}" if mine != before else "you did not change it"
                st.text(f"In the shop now: {_shown(now)}\n{yours[0].upper()}{yours[1:]}")
        st.caption("“Save mine” writes the fields that you changed, and no others. “Take the shop's” asks again.")


def _label(path: str) -> str:
    words = field_words(path)
    return f"{words[0].upper()}{words[1:]}"


def _section(title: str, paths: Sequence[str], form: Form) -> None:
    st.subheader(title, anchor=False)
    with st.grid(2, min_column_width=240, gap="small"):
        for path in paths:
            with st.container(gap="xsmall"):
                st.text_input(
                    _label(path),
                    key=form.field(path),
                    type=TYPES.get(path, "default"),
                    help=HELP.get(path),
                    # Nothing of the browser's: it knows the analyst's own address, and what is right the shop says.
                    autocomplete="off",
                    validate="",
                    placeholder="",
                    icon="",
                )
                if path in form.errors:
                    st.markdown(f":red[:material/error: {formats.plain(form.errors[path], 300)}]")


def _shown(value: str) -> str:
    return formats.one_line(value) or "(empty)"


def _save(form: Form, woocommerce_id: int | None) -> None:
    """Send what was typed to the shop. A second click while the first is on its way sends nothing."""
    if form.saved is not None:
        return
    with st.spinner("Saving in the shop…"):
        try:
            form.take(_sent(form, woocommerce_id))
        except StaleVersion as error:
            form.stale(error.current or {})
        except ShopRequestInvalid as error:
            form.refuse(error.said or error.sentence(), error.fields)
        except RegularsError as error:
            form.refuse(error.sentence())


def _sent(form: Form, woocommerce_id: int | None) -> Saved:
    if form.key:
        return actions.edit_customer(form.shop, woocommerce_id, form.changes(), form.fingerprint)
    return actions.create_customer(form.shop, {path: value for path, value in form.typed().items() if value.strip()})


def _save_mine(form: Form, woocommerce_id: int | None) -> None:
    form.keep_mine()
    _save(form, woocommerce_id)


def _leave(form: Form) -> None:
    form.left = True


def _gone(form: Form) -> None:
    form.forget()
    if form.key:
        links.go_to_person(form.key)
    links.go_to_list()


def _hide(shop: str, key: str) -> None:
    try:
        actions.hide(shop, key)
    except RegularsError as error:
        st.session_state[f"hiding-refused-{key}"] = error.sentence()
    else:
        st.session_state["_just_hidden"] = key


def _show_again(shop: str, key: str) -> None:
    try:
        actions.show(shop, key)
    except RegularsError as error:
        st.session_state[f"hiding-refused-{key}"] = error.sentence()
    else:
        st.session_state.pop("_just_hidden", None)
