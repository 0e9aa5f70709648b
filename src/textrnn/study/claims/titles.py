"""What is compared, in words: the variants of study/params.yaml, the cells of study_cells and the learning curves."""

from __future__ import annotations

from collections.abc import Iterator

from textrnn.study.claims.claim import Text
from textrnn.study.claims.tutorial_1 import BATCHES, WIDTHS


def _headlines() -> Iterator[tuple[str, Text]]:
    """The RNNs of tutorial 1 by batch and width."""
    for batch in BATCHES:
        for width in WIDTHS:
            yield (
                f"rnn_b{batch}_p{width}",
                Text(f"RNN, batch {batch}, pad {width}", f"RNN，批大小 {batch}，填充到 {width}"),
            )
    for width in WIDTHS:
        yield (
            f"rnn_valid_p{width}",
            Text(f"RNN, batch 256, pad {width}, last token", f"RNN，批大小 256，填充到 {width}，在末字符处读取"),
        )


FILMS = Text("10,000 film reviews", "1 万条影评")

TITLES: dict[str, Text] = {
    **dict(_headlines()),
    "rnn_valid_b64_p32": Text("RNN, batch 64, pad 32, last token", "RNN，批大小 64，填充到 32，在末字符处读取"),
    "gru_valid_p32": Text("GRU, batch 256, pad 32, last token", "GRU，批大小 256，填充到 32，在末字符处读取"),
    "lstm_valid_p32": Text("LSTM, batch 256, pad 32, last token", "LSTM，批大小 256，填充到 32，在末字符处读取"),
    "rnn_vectors": Text("RNN, batch 256, pad 16, pretrained vectors", "RNN，批大小 256，填充到 16，预训练向量"),
    "rnn_random_200": Text(
        "RNN, batch 256, pad 16, random vectors of 200", "RNN，批大小 256，填充到 16，200 维随机向量"
    ),
    "names_clipped": Text("BiGRU, clipped at 5", "双向 GRU，裁剪到 5"),
    "names_unclipped": Text("BiGRU, not clipped", "双向 GRU，不裁剪"),
    "names_fast_clipped": Text("BiGRU, learning rate 0.01, clipped at 5", "双向 GRU，学习率 0.01，裁剪到 5"),
    "names_fast_unclipped": Text("BiGRU, learning rate 0.01, not clipped", "双向 GRU，学习率 0.01，不裁剪"),
    "names_one_way": Text("GRU, one direction, clipped at 5", "单向 GRU，裁剪到 5"),
    "bilstm_b64": Text("BiLSTM, batch 64", "双向 LSTM，批大小 64"),
    "bilstm_b256": Text("BiLSTM, batch 256", "双向 LSTM，批大小 256"),
    "bilstm_norm": Text("BiLSTM, batch 64, LayerNorm", "双向 LSTM，批大小 64，LayerNorm"),
    "bilstm_stock": Text("BiLSTM, batch 64, PyTorch's initialization", "双向 LSTM，批大小 64，PyTorch 默认初始化"),
    "bilstm_stock_norm": Text(
        "BiLSTM, batch 64, LayerNorm, PyTorch's initialization", "双向 LSTM，批大小 64，LayerNorm，PyTorch 默认初始化"
    ),
    "bigru_b256": Text("BiGRU, batch 256", "双向 GRU，批大小 256"),
    "ner_gru": Text("GRU tagger, weighted loss", "GRU 标注器，加权损失"),
    "ner_unweighted": Text("GRU tagger, unweighted loss", "GRU 标注器，不加权损失"),
    "ner_rnn": Text("RNN tagger, weighted loss", "RNN 标注器，加权损失"),
    "films_lstm": Text(f"LSTM, {FILMS.en}", f"LSTM，{FILMS.zh}"),
    "films_layers": Text(f"LSTM, two layers, {FILMS.en}", f"两层 LSTM，{FILMS.zh}"),
    "films_valid": Text(f"LSTM, padding not read, {FILMS.en}", f"LSTM，不读填充，{FILMS.zh}"),
    "films_both_ways": Text(f"BiLSTM, padding not read, {FILMS.en}", f"双向 LSTM，不读填充，{FILMS.zh}"),
    "films_vectors": Text(f"LSTM, pretrained vectors, {FILMS.en}", f"LSTM，预训练向量，{FILMS.zh}"),
    "films_gru": Text(f"GRU, {FILMS.en}", f"GRU，{FILMS.zh}"),
    "films_rnn": Text(f"RNN, {FILMS.en}", f"RNN，{FILMS.zh}"),
    "films_2500": Text("LSTM, 2,500 film reviews", "LSTM，2500 条影评"),
    "films_5000": Text("LSTM, 5,000 film reviews", "LSTM，5000 条影评"),
    "films_20000": Text("LSTM, 20,000 film reviews", "LSTM，2 万条影评"),
    "reviews_1250": Text("LSTM, 1,250 product reviews", "LSTM，1250 条商品评论"),
    "reviews_2500": Text("LSTM, 2,500 product reviews", "LSTM，2500 条商品评论"),
    "reviews_5000": Text("LSTM, 5,000 product reviews", "LSTM，5000 条商品评论"),
    "films_curve": Text("film reviews", "影评"),
    "reviews_curve": Text("product reviews", "商品评论"),
    "equations": Text("GRU from scratch, by its equations", "从零实现的 GRU，按公式"),
    "kernels": Text("GRU from scratch, by PyTorch's kernels", "从零实现的 GRU，用 PyTorch 内核"),
    "plain": Text("GRU, update gate closed, reset gate open", "GRU，更新门关闭、重置门打开"),
    "kept": Text("GRU, update gate open", "GRU，更新门打开"),
    "nn_gru": Text("nn.GRU", "nn.GRU"),
    "nn_lstm": Text("nn.LSTM", "nn.LSTM"),
    "nn_rnn": Text("nn.RNN", "nn.RNN"),
}
