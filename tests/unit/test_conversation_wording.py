"""How an answer is worded: quoted, uncertain, in disagreement, missing, in the person's language."""

from __future__ import annotations

from bot.conversation import Conversation
from bot.messages import text
from skills.dialog import Considered, Reply
from tests.support.fake_pipeline import ANN, CLAUSE, FakePipeline, quote_from, quoted, replying
from tests.support.memory_store import MemorySessionStore


class TestWording:
    def test_a_quoted_answer_is_in_the_document_s_words(
        self, conversation: Conversation, pipeline: FakePipeline
    ) -> None:
        replying(pipeline, quoted())
        answer = conversation.reply(ANN, "How long?")
        assert (answer.text, answer.skill, answer.confidence) == ("30 days' written notice", "qa", 0.93)
        assert answer.evidence[0].quote == CLAUSE

    def test_an_uncertain_answer_says_so(self, conversation: Conversation, pipeline: FakePipeline) -> None:
        replying(pipeline, quoted(confidence=0.4))
        assert (
            conversation.reply(ANN, "?!").text
            == "I'm not sure the documents say, but it may be: 30 days' written notice"
        )

    def test_documents_that_differ_are_both_shown(
        self, conversation: Conversation, pipeline: FakePipeline
    ) -> None:
        other = quote_from("It is 60 days.", "60 days", name="amendment.pdf")
        replying(pipeline, quoted("30 days", also=(other,)))
        answer = conversation.reply(ANN, "How long?")
        assert answer.text == "The documents differ: “30 days” (contract.pdf), “60 days” (amendment.pdf)"
        assert len(answer.evidence) == 2

    def test_documents_that_agree_are_no_disagreement(
        self, conversation: Conversation, pipeline: FakePipeline
    ) -> None:
        replying(pipeline, quoted("30 days", also=(quote_from("Also 30 days.", "30 days", name="b.pdf"),)))
        assert conversation.reply(ANN, "How long?").text == "30 days"

    def test_no_answer_is_said_and_the_closest_passage_offered(
        self, conversation: Conversation, pipeline: FakePipeline
    ) -> None:
        conversation.add_document(ANN, "a.txt", b"words")
        replying(pipeline, Reply("", "none", 0.9))
        assert conversation.reply(ANN, "Who?").text == "The documents don't say."
        replying(pipeline, Reply("", "none", 0.9, quote_from(CLAUSE, "party")))
        answer = conversation.reply(ANN, "Who?")
        assert answer.text == "I'm not sure the documents say. This comes closest:"
        assert len(answer.evidence) == 1

    def test_without_documents_it_says_that_there_are_none(
        self, conversation: Conversation, pipeline: FakePipeline
    ) -> None:
        replying(pipeline, Reply("", "none", 0.9))
        assert conversation.reply(ANN, "Who?").text == text("answer.no_documents", "en")

    def test_a_reply_stopped_before_its_first_word_is_not_empty(
        self, conversation: Conversation, pipeline: FakePipeline
    ) -> None:
        replying(pipeline, Reply(" ", "chat", 0.5, stopped=True))
        assert conversation.reply(ANN, "Hi").text == text("turn.stopped", "en")

    def test_the_user_s_language_is_used(self, conversation: Conversation, pipeline: FakePipeline) -> None:
        conversation.add_document(ANN, "a.txt", b"words")
        replying(pipeline, Reply("", "none", 0.9))
        assert conversation.reply(ANN, "Кто?", language="ru-RU").text == text("answer.none", "ru")
        conversation.reply(ANN, "/language ru")
        assert conversation.reply(ANN, "Кто?", language="en").text == text("answer.none", "ru")

    def test_what_was_considered_is_kept_short(
        self, conversation: Conversation, pipeline: FakePipeline, store: MemorySessionStore
    ) -> None:
        passages = tuple(Considered("a", None, i, "x" * 5000, 0.5, None, "") for i in range(50))
        replying(pipeline, quoted(considered=passages))
        conversation.reply(ANN, "How long?")
        assert len(store.states[ANN]) < 10_000
