namespace RduEmu.Compiler.Optimizers;

/// <summary>How parameters follow their gradients.</summary>
public enum OptimizerKind
{
    /// <summary>w - rate · g; no state.</summary>
    Sgd,

    /// <summary>s + g², then w - rate · g / (sqrt(s) + 1e-10); one state value for each element.</summary>
    Adagrad,

    /// <summary>Adagrad with one state value for each row of an embedding table, by the mean of g² over the row; elsewhere as Adagrad.</summary>
    RowWiseAdagrad,
}
