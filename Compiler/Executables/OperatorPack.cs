using System.Collections;
using System.Reflection;
using RduEmu.Compiler.Graphs;
using RduEmu.Compiler.Operators;

namespace RduEmu.Compiler.Executables;

/// <summary>An operator in a pack: its type, then its attributes in the order of the constructor; members of enumerations by name.</summary>
internal static class OperatorPack
{
    public static void Write(PackWriter pack, Operator op)
    {
        pack.Write(op.GetType().FullName!);
        WriteMembers(pack, op);
    }

    /// <exception cref="FormatException">No such operator, or attributes that are not its own.</exception>
    public static Operator Read(ref PackReader pack, OperatorCatalogue operators) =>
        (Operator)ReadMembers(ref pack, operators.TypeOfFullName(pack.ReadText()));

    private static void WriteMembers(PackWriter pack, object record)
    {
        ParameterInfo[] parameters = OperatorCatalogue.MembersOf(record.GetType()).GetParameters();
        pack.Write(parameters.Length);
        foreach (ParameterInfo parameter in parameters)
        {
            Write(pack, parameter, record.GetType().GetProperty(parameter.Name!)!.GetValue(record));
        }
    }

    private static void Write(PackWriter pack, ParameterInfo parameter, object? value)
    {
        pack.Write(value is not null);
        switch (value)
        {
            case null:
                break;
            case int number:
                pack.Write(number);
                break;
            case long number:
                pack.Write(number);
                break;
            case bool flag:
                pack.Write(flag);
                break;
            case float number:
                pack.Write(number);
                break;
            case string text:
                pack.Write(text);
                break;
            case Enum name:
                pack.Write(name.ToString());
                break;
            case EquatableArray<int> list:
                pack.Write(list.AsSpan());
                break;
            case IEnumerable list when ElementOf(parameter.ParameterType) is not null:
                object[] items = [.. list.Cast<object>()];
                pack.Write(items.Length);
                Array.ForEach(items, item => WriteMembers(pack, item));
                break;
            case var record when OperatorCatalogue.IsRecord(parameter.ParameterType):
                WriteMembers(pack, record);
                break;
            default:
                throw new ArgumentException($"{parameter.Member.DeclaringType!.Name}.{parameter.Name} of type {parameter.ParameterType.Name}", nameof(value));
        }
    }

    private static object ReadMembers(ref PackReader pack, Type type)
    {
        ConstructorInfo constructor = OperatorCatalogue.MembersOf(type);
        ParameterInfo[] parameters = constructor.GetParameters();
        if (pack.ReadCount() != parameters.Length)
        {
            throw new FormatException($"{type.Name} with other attributes");
        }

        var values = new object?[parameters.Length];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = pack.ReadBool() ? Read(ref pack, parameters[i].ParameterType) : null;
        }

        return constructor.Invoke(values);
    }

    private static object Read(ref PackReader pack, Type declared)
    {
        Type type = Nullable.GetUnderlyingType(declared) ?? declared;
        return type == typeof(int) ? pack.ReadInt()
            : type == typeof(long) ? pack.ReadLong()
            : type == typeof(bool) ? pack.ReadBool()
            : type == typeof(float) ? pack.ReadFloat()
            : type == typeof(string) ? pack.ReadText()
            : type.IsEnum ? Enum.Parse(type, pack.ReadText())
            : type == typeof(EquatableArray<int>) ? pack.ReadInts()
            : ElementOf(type) is { } element ? ReadList(ref pack, element)
            : OperatorCatalogue.IsRecord(type) ? ReadMembers(ref pack, type)
            : throw new FormatException($"an attribute of type {type.Name}");
    }

    /// <summary>The record that a list's entries are; null for everything else.</summary>
    private static Type? ElementOf(Type type) =>
        type.IsGenericType && type.GetGenericTypeDefinition() == typeof(EquatableArray<>) && OperatorCatalogue.IsRecord(type.GenericTypeArguments[0])
            ? type.GenericTypeArguments[0]
            : null;

    private static object ReadList(ref PackReader pack, Type element)
    {
        var items = Array.CreateInstance(element, pack.ReadCount());
        for (int i = 0; i < items.Length; i++)
        {
            items.SetValue(ReadMembers(ref pack, element), i);
        }

        return typeof(OperatorPack).GetMethod(nameof(ListOf), BindingFlags.NonPublic | BindingFlags.Static)!.MakeGenericMethod(element).Invoke(null, [items])!;
    }

    private static EquatableArray<T> ListOf<T>(T[] items)
        where T : IEquatable<T> => new(items);
}
