using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Executables;

/// <summary>
/// Operators by name with their attributes, for files: an operator is a record, its attributes are the parameters of its constructor.
/// Those of the compiler are known; a model adds the assembly of its own.
/// </summary>
public sealed class OperatorCatalogue
{
    /// <summary>Looked for when the first operator is: most commands need none of them.</summary>
    private readonly Lazy<SortedDictionary<string, Type>> _types;

    private readonly Assembly[] _assemblies;

    /// <param name="assemblies">Beside that of the compiler.</param>
    public OperatorCatalogue(params IEnumerable<Assembly> assemblies)
    {
        _assemblies = [.. assemblies.Prepend(typeof(Operator).Assembly).Distinct()];
        _types = new(() => Find(_assemblies));
    }

    /// <summary>All names, in ordinal order.</summary>
    public IEnumerable<string> Names => _types.Value.Keys;

    /// <summary>Attributes by name, in the order of the constructor.</summary>
    /// <exception cref="ArgumentException">An attribute of a kind that has no form in a file.</exception>
    public static JsonObject Attributes(Operator op) => Members(op, op.Name);

    /// <summary>The parameters of the constructor of a record, which may hold other records.</summary>
    private static JsonObject Members(object record, string where)
    {
        var attributes = new JsonObject();
        foreach (ParameterInfo parameter in ConstructorOf(record.GetType()).GetParameters())
        {
            object? value = record.GetType().GetProperty(parameter.Name!)?.GetValue(record);
            attributes.Add(parameter.Name!, value switch
            {
                null => null,
                int number => JsonValue.Create(number),
                long number => JsonValue.Create(number),
                bool flag => JsonValue.Create(flag),

                // As its bits: every float, infinities and NaN too.
                float number => JsonValue.Create($"0x{BitConverter.SingleToInt32Bits(number):X8}"),
                string text => JsonValue.Create(text),
                Enum name => JsonValue.Create(name.ToString()),
                EquatableArray<int> list => new JsonArray([.. list.Select(item => (JsonNode)JsonValue.Create(item))]),
                _ when IsRecord(parameter.ParameterType) => Members(value, $"{where}.{parameter.Name}"),
                _ => throw new ArgumentException($"{where}.{parameter.Name} of type {parameter.ParameterType.Name}", nameof(record)),
            });
        }

        return attributes;
    }

    /// <summary>The operator of this name with these attributes.</summary>
    /// <exception cref="FormatException">No such operator, or attributes that are not its own.</exception>
    public Operator Create(string name, JsonElement attributes) => (Operator)Create(TypeOf(name), name, attributes);

    /// <summary>The record of the operator of this name.</summary>
    /// <exception cref="FormatException">No such operator.</exception>
    internal Type TypeOf(string name) => _types.Value.TryGetValue(name, out Type? type) ? type : throw new FormatException($"operator {name}");

    /// <summary>The same by the name with its namespace, without a look at all types of the assemblies.</summary>
    /// <exception cref="FormatException">No such operator.</exception>
    internal Type TypeOfFullName(string name)
    {
        foreach (Assembly assembly in _assemblies)
        {
            if (assembly.GetType(name) is { IsAbstract: false } type && type.IsSubclassOf(typeof(Operator)))
            {
                return type;
            }
        }

        throw new FormatException($"operator {name}");
    }

    /// <summary>The constructor whose parameters are the attributes of an operator or of a record among them.</summary>
    internal static ConstructorInfo MembersOf(Type type) => ConstructorOf(type);

    private static SortedDictionary<string, Type> Find(IEnumerable<Assembly> assemblies)
    {
        var types = new SortedDictionary<string, Type>(StringComparer.Ordinal);
        foreach (Type type in assemblies.SelectMany(assembly => assembly.GetTypes()))
        {
            if (type.IsSubclassOf(typeof(Operator)) && !type.IsAbstract)
            {
                types.Add(type.Name, type);
            }
        }

        return types;
    }

    private static object Create(Type type, string name, JsonElement attributes)
    {
        ConstructorInfo constructor = ConstructorOf(type);
        ParameterInfo[] parameters = constructor.GetParameters();
        var values = new object?[parameters.Length];
        for (int i = 0; i < values.Length; i++)
        {
            if (!attributes.TryGetProperty(parameters[i].Name!, out JsonElement value))
            {
                throw new FormatException($"{name} without {parameters[i].Name}");
            }

            values[i] = Read(parameters[i].ParameterType, value);
        }

        return constructor.Invoke(values);
    }

    /// <summary>A type of the compiler's own that is made of its constructor's parameters: a window, an operator whose gradient it is.</summary>
    internal static bool IsRecord(Type type) => type.Assembly == typeof(Operator).Assembly && !type.IsEnum && !type.IsAbstract && !type.IsGenericType;

    private static ConstructorInfo ConstructorOf(Type type) =>
        type.GetConstructors().OrderByDescending(constructor => constructor.GetParameters().Length).First();

    private static object? Read(Type type, JsonElement value)
    {
        Type? optional = Nullable.GetUnderlyingType(type);
        if (value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        type = optional ?? type;
        return type == typeof(int) ? value.GetInt32()
            : type == typeof(long) ? value.GetInt64()
            : type == typeof(bool) ? value.GetBoolean()
            : type == typeof(float) ? BitConverter.Int32BitsToSingle(int.Parse(value.GetString()![2..], NumberStyles.HexNumber, CultureInfo.InvariantCulture))
            : type == typeof(string) ? value.GetString()
            : type.IsEnum ? Enum.Parse(type, value.GetString()!)
            : type == typeof(EquatableArray<int>) ? EquatableArray.Create<int>([.. value.EnumerateArray().Select(item => item.GetInt32())])
            : IsRecord(type) ? Create(type, type.Name, value)
            : throw new FormatException($"an attribute of type {type.Name}");
    }
}
